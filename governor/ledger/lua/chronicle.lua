-- The chronicle: what the last hour was like, for people to look at. Nothing here is a part of an
-- exchange, so a check-in costs the same: the services tell what they have seen every few seconds.

local SAMPLES = 360 -- one in 10 s
local MINUTES = 60
local NAMED = 1000 -- pairs of scope and function in a minute; a scope's other functions are one

-- note: keep a sample of the pool, unless the bucket has one already.
--
-- KEYS: the samples. ARGV: the bucket, the sample, a packed list that begins with its bucket.
-- Answers 1 if it was kept.
local function note(keys, arguments)
  local last = redis.call('LINDEX', keys[1], -1)
  if last and cmsgpack.unpack(last)[1] >= tonumber(arguments[1]) then
    return 0
  end
  redis.call('RPUSH', keys[1], arguments[2])
  redis.call('LTRIM', keys[1], -SAMPLES, -1)
  return 1
end

local function forget_minutes_before(key, oldest)
  for _, minute in ipairs(redis.call('HKEYS', key)) do
    if tonumber(minute) < oldest then
      redis.call('HDEL', key, minute)
    end
  end
end

-- tell: add to the denials of the running minute.
--
-- KEYS: the denials. ARGV: packed {{scope, function, denied, shadow-denied}, …}. A minute's record
-- is packed {['scope function'] = {denied, shadow-denied}}, the function empty for those beyond
-- the first NAMED.
local function tell(keys, arguments)
  local minute = math.floor(now_us() / 60000000)
  local packed = redis.call('HGET', keys[1], minute)
  local told, named = packed and cmsgpack.unpack(packed) or {}, 0
  for _ in pairs(told) do
    named = named + 1
  end
  for _, each in ipairs(cmsgpack.unpack(arguments[1])) do
    local pair = each[1] .. ' ' .. each[2]
    if not told[pair] and named >= NAMED then
      pair = each[1] .. ' '
    end
    if not told[pair] then
      told[pair] = { 0, 0 }
      named = named + 1
    end
    told[pair] = { told[pair][1] + each[3], told[pair][2] + each[4] }
  end
  if not packed then
    forget_minutes_before(keys[1], minute - MINUTES + 1)
  end
  redis.call('HSET', keys[1], minute, cmsgpack.pack(told))
  return 1
end
