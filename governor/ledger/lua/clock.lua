-- The ledger's only clock is the store's (rule 3).

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
