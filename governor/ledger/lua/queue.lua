-- The queue of acquires that wait (rule 12): per denying scope, user-facing before background, then
-- first come first served. A waiting lease has a record like a held one and holds nothing. Whatever
-- frees room grants to the queue in the same atomic step: nobody polls, and what has become free
-- goes to nobody else.

-- What a waiting lease remembers beside its claim.
local TICKET, AT_SCOPE, CLAIM_VERSION, WORKER = 2, 3, 4, 5

-- Time for the service to take over what its client was granted, by a renewal to the ttl that was
-- asked for. Should it die before it hears of the grant, the lease is not lost for longer.
local HANDOVER_MS = 2000

local function place(id, lease)
  local waiting, rank = lease[WAITING], claim_in(lease[CLAIM])[RANK]
  return string.format('%s\n%d%016d%s', waiting[AT_SCOPE], rank, waiting[TICKET], id)
end

local function id_at(member, name)
  return string.sub(member, #name + 1 + 1 + 1 + 16)
end

local function queue_is_empty()
  if book.queued == nil then
    book.queued = redis.call('ZCARD', book.keys[QUEUE])
  end
  return book.queued == 0
end

local function enqueue(id, lease, name)
  lease[WAITING][AT_SCOPE] = name
  redis.call('ZADD', book.keys[QUEUE], 0, place(id, lease))
  set_lease(id, lease)
  book.queued = nil
end

local function leave_queue(id, lease)
  redis.call('ZREM', book.keys[QUEUE], place(id, lease))
  set_lease(id, false)
  book.queued = nil
end

-- Tell the service of a waiting lease that the wait is over; whether it listens.
local function wake(id, lease, expires_at, shadow_denied_by)
  local news = cmsgpack.pack({ id, expires_at, shadow_denied_by })
  return redis.call('SPUBLISH', lease[WAITING][WORKER], news) > 0
end

-- Grant what `lease` waited for if its service still listens.
local function hand_over(id, lease, shadow)
  local claim = claim_in(lease[CLAIM])
  local shadow_denied_by = shadow and claim[shadow + SCOPE] or false
  if not wake(id, lease, book.now + HANDOVER_MS, shadow_denied_by) then
    return -- the service that waited is gone, and its client with it
  end
  grant(id, lease[CLAIM], HANDOVER_MS, HELD, GRANTED)
  if shadow then
    count(claim, shadow, SHADOW_DENIED)
  end
end

-- Grant to whom the scope `name` had denied, until one is denied by it again.
local function serve(name)
  local passed = 0 -- those whose claim is of an older policy: their service asks again for them
  while true do
    local member = redis.call('ZRANGE', book.keys[QUEUE], '[' .. name .. '\n', '(' .. name .. '\v',
      'BYLEX', 'LIMIT', passed, 1)[1]
    if not member then
      return
    end
    local id = id_at(member, name)
    local lease = lease_of(id)
    local claim = claim_in(lease[CLAIM])
    local denying, shadow = verdict(claim)
    if lease[EXPIRES_AT] <= book.now then
      leave_queue(id, lease)
    elseif lease[WAITING][CLAIM_VERSION] ~= version() then
      passed = passed + 1
    elseif not denying then
      leave_queue(id, lease)
      hand_over(id, lease, shadow)
    elseif claim[denying + SCOPE] == name then
      return
    else
      leave_queue(id, lease)
      enqueue(id, lease, claim[denying + SCOPE])
    end
  end
end

local function finish(id, lease)
  if lease[WAITING] then
    leave_queue(id, lease)
    serve(lease[WAITING][AT_SCOPE]) -- those behind may need less room
    return
  end
  give_back(id, lease)
  if not queue_is_empty() then
    local claim = claim_in(lease[CLAIM])
    for hold = FIRST_HOLD, #claim, HOLD_SIZE do
      serve(claim[hold + SCOPE])
    end
  end
end
