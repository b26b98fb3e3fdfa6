-- exchange: a list of operations in, a list of answers out, in one atomic step.

-- A request.
local OF_VERSION, CHANNEL, OPERATIONS = 1, 2, 3
-- An operation, and the kinds of operations.
local KIND, ID, OP_CLAIM, OP_TTL_MS, ATTEMPT, WAIT_MS = 1, 2, 3, 4, 5, 6
local ACQUIRE, RENEW, RELEASE = 1, 2, 3
-- The kinds of answers.
local IS_GRANTED, IS_REPLAYED, IS_DENIED, IS_WAITING, IS_RENEWED, IS_RELEASED = 1, 2, 3, 4, 5, 6

-- A queue place outlives its client's patience by this much: the service ends it, this is for a
-- service that died.
local QUEUE_GRACE_MS = 1000

local function wait_in_queue(operation, denied_by, channel, ticket)
  local text = operation[OP_CLAIM]
  local waiting = { text, ticket, denied_by, version(), channel }
  local patience_ms = operation[WAIT_MS] + QUEUE_GRACE_MS
  local lease = { book.now, book.now + patience_ms, QUEUED, text, waiting }
  enqueue(operation[ID], lease, denied_by)
  return { IS_WAITING, denied_by }
end

local function decide(operation, channel, ticket)
  local claim = claim_in(operation[OP_CLAIM])
  local denying, shadow = verdict(claim)
  local last_attempt = claim[MAX_ATTEMPTS] > 0 and operation[ATTEMPT] >= claim[MAX_ATTEMPTS]
  if denying and not last_attempt then
    local denied_by = claim[denying + SCOPE]
    if operation[WAIT_MS] > 0 then
      return wait_in_queue(operation, denied_by, channel, ticket)
    end
    return { IS_DENIED, denied_by, count(claim, denying, DENIED)[IN_USE] }
  end
  if shadow then
    count(claim, shadow, SHADOW_DENIED)
  end
  local state = denying and OVERRUN or HELD
  local lease = grant(operation[ID], operation[OP_CLAIM], operation[OP_TTL_MS], state, GRANTED)
  local shadow_denied_by = shadow and claim[shadow + SCOPE] or false
  return { IS_GRANTED, lease[EXPIRES_AT], state == OVERRUN, shadow_denied_by }
end

local function acquire(operation, channel, index)
  local id = operation[ID]
  local lease = lease_of(id)
  if not lease then
    return decide(operation, channel, book.us + index)
  elseif not lease[WAITING] then
    return { IS_REPLAYED, lease[EXPIRES_AT], lease[STATE] == OVERRUN, lease[CLAIM] }
  end
  -- Whoever asks again keeps its place; where it does not stay, those behind it move up.
  leave_queue(id, lease)
  local answer = decide(operation, channel, lease[WAITING][TICKET])
  serve(lease[WAITING][AT_SCOPE])
  return answer
end

local function renew(operation)
  local id = operation[ID]
  local lease = lease_of(id)
  if lease and not lease[WAITING] then
    lease[EXPIRES_AT] = math.max(lease[EXPIRES_AT], book.now + operation[OP_TTL_MS])
    set_lease(id, lease)
    return { IS_RENEWED, lease[EXPIRES_AT], false }
  end
  if lease or was_released(id) then
    return { IS_RENEWED, book.now, false }
  end
  lease = grant(id, operation[OP_CLAIM], operation[OP_TTL_MS], OVERRUN, nil)
  return { IS_RENEWED, lease[EXPIRES_AT], true }
end

local function release(operation)
  local id = operation[ID]
  local lease = lease_of(id)
  book.released[id] = true
  if not lease then
    return { IS_RELEASED, false }
  end
  if lease[WAITING] then
    wake(id, lease, false, false)
  end
  finish(id, lease)
  return { IS_RELEASED, not lease[WAITING] and claim_in(lease[CLAIM])[CLAIM_FUNCTION] }
end

local function expire(id)
  local lease = lease_of(id)
  if not lease then
    set_lease(id, false)
    return
  end
  finish(id, lease)
  if not lease[WAITING] then
    local claim = claim_in(lease[CLAIM])
    for hold = FIRST_HOLD, #claim, HOLD_SIZE do
      local counts = change_scope(claim[hold + SCOPE])
      counts[EXPIRED] = counts[EXPIRED] + 1
    end
    local name = claim[CLAIM_FUNCTION]
    book.expired[name] = (book.expired[name] or 0) + 1
  end
end

-- End what has expired (rule 5), all of it: each lease pays for its end once.
local function sweep()
  while next_end() <= book.now do
    local ids = redis.call('ZRANGE', book.keys[EXPIRIES], '-inf', book.now, 'BYSCORE',
      'LIMIT', 0, AT_ONCE)
    load(book.leases, LEASES, ids)
    for _, id in ipairs(ids) do
      expire(id)
    end
    write_leases()
    local first = redis.call('ZRANGE', book.keys[EXPIRIES], 0, 0, 'WITHSCORES')
    set_next_end(tonumber(first[2]) or NEVER)
  end
end

-- Read in as few commands as possible what the operations will ask for.
local function prefetch(operations)
  local ids, names = {}, { VERSION, NEXT_END }
  for i = 1, #operations do
    ids[i] = operations[i][ID]
  end
  load(book.leases, LEASES, ids)
  for i = 1, #operations do
    local lease = lease_of(ids[i])
    local text = lease and lease[CLAIM] or operations[i][OP_CLAIM]
    if text then
      local claim = claim_in(text)
      for hold = FIRST_HOLD, #claim, HOLD_SIZE do
        names[#names + 1] = claim[hold + SCOPE]
      end
    end
  end
  load(book.fields, BOOK, names)
end

local function perform(operation, channel, index)
  local kind = operation[KIND]
  if kind == ACQUIRE then
    return acquire(operation, channel, index)
  elseif kind == RENEW then
    return renew(operation)
  elseif kind == RELEASE then
    return release(operation)
  end
  error('no such operation: ' .. tostring(kind))
end

-- ARGV: the request, packed: {version of the policy that the claims are of ('' if there are none),
-- channel of the asking worker, operations}.
-- Answers, packed: {answers, now (ms), a time before which no lease ends (ms; 0 if there is none),
-- {function = leases expired}}. `answers` is false, and nothing was done, when the claims are of
-- another policy (rule 9).
local function exchange(keys, arguments)
  open_book(keys)
  local request = cmsgpack.unpack(arguments[1])
  local operations, channel = request[OPERATIONS], request[CHANNEL]
  prefetch(operations)
  if request[OF_VERSION] ~= '' and request[OF_VERSION] ~= version() then
    return cmsgpack.pack({ false, book.now, 0, {} })
  end
  sweep()
  local answers = {}
  for i = 1, #operations do
    answers[i] = perform(operations[i], channel, i)
  end
  close_book()
  local ends = next_end()
  return cmsgpack.pack({ answers, book.now, ends < NEVER and ends or 0, book.expired })
end
