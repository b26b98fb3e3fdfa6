-- The queue of acquires that wait (rule 12): per denying scope, user-facing before background, then
-- first come first served. A waiting lease has a record like a held one and holds nothing. Whatever
-- frees room grants to the queue in the same atomic step, so nobody polls and nobody overtakes.

-- What a waiting lease remembers.
local CLAIM, TTL_MS, TICKET, AT_SCOPE, CLAIM_VERSION, WORKER = 1, 2, 3, 4, 5, 6

-- Time for the service to take over what its client was granted, by a renewal. Should it die before
-- it hears of the grant, the lease is not lost for longer.
local HANDOVER_MS = 2000

local function place(id, waiting)
  local rank = waiting[CLAIM][RANK]
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

local function enqueue(id, record, name)
  record[WAITING][AT_SCOPE] = name
  redis.call('ZADD', book.keys[QUEUE], 0, place(id, record[WAITING]))
  set_lease(id, record)
  book.queued = nil
end

local function leave_queue(id, record)
  redis.call('ZREM', book.keys[QUEUE], place(id, record[WAITING]))
  set_lease(id, false)
  book.queued = nil
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
    local record = lease(id)
    local waiting = record[WAITING]
    local denied_by, shadow_denied_by = verdict(waiting[CLAIM])
    if record[EXPIRES_AT] <= book.now then
      leave_queue(id, record)
    elseif waiting[CLAIM_VERSION] ~= version() then
      passed = passed + 1
    elseif denied_by == name then
      return
    else
      leave_queue(id, record)
      if denied_by then
        enqueue(id, record, denied_by)
      else
        local ttl_ms = math.min(waiting[TTL_MS], HANDOVER_MS)
        local news = cmsgpack.pack({ id, book.now + ttl_ms, shadow_denied_by or false })
        -- No receiver: the service that waited is gone, and its client with it.
        if redis.call('SPUBLISH', waiting[WORKER], news) > 0 then
          grant(id, waiting[CLAIM], ttl_ms, false, GRANTED)
          if shadow_denied_by then
            local counts = change_scope(shadow_denied_by)
            counts[SHADOW_DENIED] = counts[SHADOW_DENIED] + 1
          end
        end
      end
    end
  end
end

local function finish(id, record)
  if record[WAITING] then
    leave_queue(id, record)
    serve(record[WAITING][AT_SCOPE]) -- those behind may need less room
    return
  end
  give_back(id, record)
  if not queue_is_empty() then
    local weights = record[WEIGHTS]
    for i = 1, #weights, 2 do
      serve(weights[i])
    end
  end
end
