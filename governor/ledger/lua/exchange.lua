-- exchange: a list of operations in, a list of answers out, in one atomic step.

-- An operation, and the kinds of operations.
local KIND, ID, CLAIM_INDEX, OP_TTL_MS, ATTEMPT, WAIT_MS = 1, 2, 3, 4, 5, 6
local ACQUIRE, RENEW, RELEASE = 1, 2, 3
-- The kinds of answers.
local IS_GRANTED, IS_DENIED, IS_WAITING, IS_RENEWED, IS_RELEASED = 1, 2, 3, 4, 5

-- A queue place outlives its client's patience by this much: the service ends it, this is for a
-- service that died.
local QUEUE_GRACE_MS = 1000

local function scopes_of(record)
  local names, weights = {}, record[WEIGHTS]
  for i = 1, #weights, 2 do
    names[#names + 1] = weights[i]
  end
  return names
end

local function granted(record, replayed, shadow_denied_by)
  return { IS_GRANTED, record[FUNCTION], scopes_of(record), record[EXPIRES_AT], record[OVERRUN],
    replayed, shadow_denied_by or false }
end

local function count(name, total)
  local counts = change_scope(name)
  counts[total] = counts[total] + 1
  return counts
end

local function wait_in_queue(operation, claim, denied_by, worker, ticket)
  local wait_ms = operation[WAIT_MS]
  local waiting = { claim, operation[OP_TTL_MS], ticket, denied_by, version(), worker }
  enqueue(operation[ID],
    { claim[CLAIM_FUNCTION], book.now, book.now + wait_ms + QUEUE_GRACE_MS, false, {}, waiting },
    denied_by)
  return { IS_WAITING, denied_by }
end

local function decide(operation, claim, worker, ticket)
  local denied_by, shadow_denied_by = verdict(claim)
  local last_attempt = claim[MAX_ATTEMPTS] > 0 and operation[ATTEMPT] >= claim[MAX_ATTEMPTS]
  if denied_by and not last_attempt then
    if operation[WAIT_MS] > 0 then
      return wait_in_queue(operation, claim, denied_by, worker, ticket)
    end
    for _, hold in ipairs(claim[HOLDS]) do
      if hold[SCOPE] == denied_by then
        local counts = count(denied_by, DENIED)
        counts[LISTED] = hold[HOLD_LISTED]
        return { IS_DENIED, denied_by, counts[IN_USE] }
      end
    end
  end
  if shadow_denied_by then
    count(shadow_denied_by, SHADOW_DENIED)
  end
  local overrun = denied_by ~= nil
  local record = grant(operation[ID], claim, operation[OP_TTL_MS], overrun, GRANTED)
  return granted(record, false, shadow_denied_by)
end

local function acquire(operation, claim, worker)
  local id = operation[ID]
  local record = lease(id)
  if not record then
    return decide(operation, claim, worker, book.us + operation.index)
  elseif not record[WAITING] then
    return granted(record, true)
  end
  -- Whoever asks again keeps its place; where it does not stay, those behind it move up.
  leave_queue(id, record)
  local answer = decide(operation, claim, worker, record[WAITING][TICKET])
  serve(record[WAITING][AT_SCOPE])
  return answer
end

local function renew(operation, claim)
  local id = operation[ID]
  local record = lease(id)
  if record and not record[WAITING] then
    record[EXPIRES_AT] = math.max(record[EXPIRES_AT], book.now + operation[OP_TTL_MS])
    set_lease(id, record)
    return { IS_RENEWED, record[EXPIRES_AT], false }
  end
  if record or was_released(id) then
    return { IS_RENEWED, book.now, false }
  end
  record = grant(id, claim, operation[OP_TTL_MS], true, nil)
  return { IS_RENEWED, record[EXPIRES_AT], true }
end

local function expire(id, record)
  if not record then
    set_lease(id, false)
    return
  end
  finish(id, record)
  if not record[WAITING] then
    for _, name in ipairs(scopes_of(record)) do
      count(name, EXPIRED)
    end
    local name = record[FUNCTION]
    book.expired[name] = (book.expired[name] or 0) + 1
  end
end

local function release(operation)
  local id = operation[ID]
  local record = lease(id)
  book.released[id] = true
  if not record then
    return { IS_RELEASED, false }
  end
  finish(id, record)
  return { IS_RELEASED, not record[WAITING] and record[FUNCTION] }
end

-- End what has expired (rule 5), all of it: each lease pays for its end once.
local function sweep()
  while true do
    local head = redis.call('ZRANGE', book.keys[EXPIRIES], 0, 0, 'WITHSCORES')
    book.next_end = tonumber(head[2])
    if not book.next_end or book.next_end > book.now then
      return
    end
    local ids = redis.call('ZRANGE', book.keys[EXPIRIES], '-inf', book.now, 'BYSCORE',
      'LIMIT', 0, AT_ONCE)
    load(book.leases, LEASES, ids, cmsgpack.unpack)
    for _, id in ipairs(ids) do
      expire(id, lease(id))
    end
    write_leases()
  end
end

-- Read in as few commands as possible what the operations will ask for.
local function prefetch(claims, operations)
  local ids, names = {}, {}
  for i, operation in ipairs(operations) do
    ids[i] = operation[ID]
  end
  load(book.leases, LEASES, ids, cmsgpack.unpack)
  for _, claim in ipairs(claims) do
    for _, hold in ipairs(claim[HOLDS]) do
      names[#names + 1] = hold[SCOPE]
    end
  end
  for _, id in ipairs(ids) do
    local record = book.leases[id]
    if record then
      local weights = record[WEIGHTS]
      for i = 1, #weights, 2 do
        names[#names + 1] = weights[i]
      end
    end
  end
  load(book.scopes, SCOPES, names, unpack_counts)
end

local function perform(operation, claims, worker)
  local kind = operation[KIND]
  if kind == ACQUIRE then
    return acquire(operation, claims[operation[CLAIM_INDEX]], worker)
  elseif kind == RENEW then
    return renew(operation, claims[operation[CLAIM_INDEX]])
  elseif kind == RELEASE then
    return release(operation)
  end
  error('no such operation: ' .. tostring(kind))
end

-- ARGV: the request, packed: {policy version, claims, operations, channel of the asking worker}.
-- Answers, packed: {answers, now (ms), next end of a lease (ms) or 0, {function = leases expired}};
-- answers is false, and nothing was done, when the claims are of another policy (rule 9).
local function exchange(keys, arguments)
  open_book(keys)
  local request = cmsgpack.unpack(arguments[1])
  local claims, operations, worker = request[2], request[3], request[4]
  if #claims > 0 and request[1] ~= version() then
    return cmsgpack.pack({ false, book.now, 0, {} })
  end
  prefetch(claims, operations)
  sweep()
  local answers = {}
  for i, operation in ipairs(operations) do
    operation.index = i
    answers[i] = perform(operation, claims, worker)
  end
  close_book()
  return cmsgpack.pack({ answers, book.now, book.next_end or 0, book.expired })
end
