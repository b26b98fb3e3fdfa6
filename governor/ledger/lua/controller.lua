-- What the controllers of a pool share: who leads, and what only the leader writes. It is one hash
-- of its own, KEYS[1], so that the ledger's calls carry nothing of it.

local LEADER, TERM, LEADS_UNTIL, PAUSED = 'leader', 'term', 'leads_until', 'paused'

-- A term is one uninterrupted leadership. Its number only grows, and with the leader's id it stands
-- for the leader's lease: whoever names another one does not lead.
local function reign(keys)
  local now = math.floor(now_us() / 1000)
  local leader, term, until_ms, paused =
    unpack(redis.call('HMGET', keys[1], LEADER, TERM, LEADS_UNTIL, PAUSED))
  local lives = leader and tonumber(until_ms) > now
  return now, lives and leader, tonumber(term) or 0, paused and 1 or 0
end

-- lead: become or stay leader for some time.
--
-- ARGV: the asking controller's id, the time (ms), 1 to depose another leader.
-- Answers {term (0: another leads), now (ms), whether the controller is paused}.
local function lead(keys, arguments)
  local id, ttl_ms, depose = unpack(arguments)
  local now, leader, term, paused = reign(keys)
  if leader and leader ~= id and depose ~= '1' then
    return { 0, now, paused }
  end
  if leader ~= id then
    term = redis.call('HINCRBY', keys[1], TERM, 1)
  end
  redis.call('HSET', keys[1], LEADER, id, LEADS_UNTIL, string.format('%.0f', now + ttl_ms))
  return { term, now, paused }
end

-- record: write fields if the lease is still the leader's.
--
-- ARGV: id, term, then field, value, … Answers 1 if done, 0 if another one leads or nobody.
local function record(keys, arguments)
  local id, term = unpack(arguments, 1, 2)
  local _, leader, current = reign(keys)
  if leader ~= id or current ~= tonumber(term) then
    return 0
  end
  redis.call('HSET', keys[1], unpack(arguments, 3))
  return 1
end

-- resign: end the lease now, so that another one need not wait. ARGV: id, term.
local function resign(keys, arguments)
  local id, term = unpack(arguments)
  local _, leader, current = reign(keys)
  if leader == id and current == tonumber(term) then
    redis.call('HDEL', keys[1], LEADER, LEADS_UNTIL)
  end
  return 1
end
