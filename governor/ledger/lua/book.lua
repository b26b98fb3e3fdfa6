-- The book: what one call reads and changes. Each key is read once when the call starts and written
-- once when it ends, so a call with a hundred operations costs hardly more than a call with one.

-- KEYS, in the order of governor/ledger/keys.py
local LEASES, EXPIRIES, BOOK, PEAKS, POLICY, QUEUE, IDLE, RELEASED = 1, 2, 3, 4, 5, 6, 7, 8

-- Fields of BOOK beside the scopes: the policy's version, and a time before which no lease ends
-- (the one that set it may be over by then), so that no call has to look which ends first.
local VERSION, NEXT_END = 'version', 'next_end'
local NEVER = 2 ^ 53

-- A lease. CLAIM is the claim's text; WAITING is absent once the lease is held.
local ACQUIRED_AT, EXPIRES_AT, STATE, CLAIM, WAITING = 1, 2, 3, 4, 5
local HELD, OVERRUN, QUEUED = 0, 1, 2 -- states
local HEAD, AFTER_HEAD = '<ddB', 18 -- its record: the first three, then CLAIM or packed WAITING

-- The counts of a scope.
local IN_USE, GRANTED, DENIED, SHADOW_DENIED, EXPIRED, OVERRUNS, LISTED = 1, 2, 3, 4, 5, 6, 7
local BUCKET, BUCKET_PEAK, HOUR_PEAK, HOUR_PEAK_UNTIL = 8, 9, 10, 11
local COUNTS = '<ddddddddddd' -- whole numbers, exact below 2^53

local REMEMBERED_RELEASES = 20000
local REMEMBER_FOR_MS = 60000
local REMEMBERED_IDLE_SCOPES = 1000
local AT_ONCE = 1000 -- arguments that one command takes: Lua's stack ends at 8,000

local book

local function open_book(keys)
  local us = now_us()
  book = {
    keys = keys,
    us = us,
    now = math.floor(us / 1000),
    bucket = math.floor(us / 10000000),
    leases = {}, changed_leases = {},
    fields = {}, counts = {}, changed_scopes = {},
    released = {},
    expired = {},
    claims = {},
  }
end

-- What a claim's text says. A call reads each text once. To remember it for longer does not pay:
-- with thousands of functions Lua's collector would be busy with all that is remembered.
local function claim_in(text)
  local claim = book.claims[text]
  if not claim then
    claim = cjson.decode(text)
    book.claims[text] = claim
  end
  return claim
end

-- Read the named fields of a hash that `cache` does not hold yet; a missing one becomes false.
local function load(cache, which, names)
  local unread, count = {}, 0
  for i = 1, #names do
    local name = names[i]
    if cache[name] == nil then
      cache[name] = false
      count = count + 1
      unread[count] = name
    end
  end
  for first = 1, count, AT_ONCE do
    local records = redis.call('HMGET', book.keys[which],
      unpack(unread, first, math.min(first + AT_ONCE - 1, count)))
    for i = 1, #records do
      cache[unread[first + i - 1]] = records[i]
    end
  end
end

local function unpack_lease(record)
  local acquired_at, expires_at, state = struct.unpack(HEAD, record)
  local rest = string.sub(record, AFTER_HEAD)
  if state == QUEUED then
    local waiting = cmsgpack.unpack(rest)
    return { acquired_at, expires_at, state, waiting[1], waiting }
  end
  return { acquired_at, expires_at, state, rest }
end

local function pack_lease(lease)
  local head = struct.pack(HEAD, lease[ACQUIRED_AT], lease[EXPIRES_AT], lease[STATE])
  return head .. (lease[WAITING] and cmsgpack.pack(lease[WAITING]) or lease[CLAIM])
end

local function lease_of(id)
  local leases = book.leases
  if leases[id] == nil then
    load(leases, LEASES, { id })
  end
  local lease = leases[id]
  if type(lease) == 'string' then
    lease = unpack_lease(lease)
    leases[id] = lease
  end
  return lease
end

local function field(name)
  if book.fields[name] == nil then
    load(book.fields, BOOK, { name })
  end
  return book.fields[name]
end

local function version()
  return field(VERSION)
end

local function next_end()
  if not book.next_end then
    book.next_end = tonumber(field(NEXT_END)) or 0
  end
  return book.next_end
end

local function set_next_end(at)
  book.next_end = at
  book.next_end_changed = true
end

-- The counts of the scope `name`; one that is not counted yet begins with nothing.
local function scope(name)
  local counts = book.counts[name]
  if not counts then
    local record = field(name)
    counts = record and { struct.unpack(COUNTS, record) }
      or { 0, 0, 0, 0, 0, 0, 0, book.bucket, 0, 0, 0 }
    book.counts[name] = counts
  end
  return counts
end

-- `lease` false: it is over.
local function set_lease(id, lease)
  book.leases[id] = lease
  book.changed_leases[id] = true
  if lease and lease[EXPIRES_AT] < next_end() then
    set_next_end(lease[EXPIRES_AT])
  end
end

local function was_released(id)
  return book.released[id] or redis.call('ZSCORE', book.keys[RELEASED], id)
end

local function write(command, which, arguments)
  for first = 1, #arguments, AT_ONCE do
    redis.call(command, book.keys[which],
      unpack(arguments, first, math.min(first + AT_ONCE - 1, #arguments)))
  end
end

local function write_leases()
  local records, ends, gone, changed = {}, {}, {}, 0
  for id in pairs(book.changed_leases) do
    local lease = book.leases[id]
    if lease then
      records[changed + 1], records[changed + 2] = id, pack_lease(lease)
      ends[changed + 1], ends[changed + 2] = lease[EXPIRES_AT], id
      changed = changed + 2
    else
      gone[#gone + 1] = id
    end
  end
  write('HSET', LEASES, records)
  write('ZADD', EXPIRIES, ends)
  write('HDEL', LEASES, gone)
  write('ZREM', EXPIRIES, gone)
  book.changed_leases = {}
end

-- Scopes that the policy does not name are forgotten some time after their last lease, the longest
-- idle first, so that made-up function names can't fill the store (rule 14).
local function forget_idle_scopes(idle)
  write('ZADD', IDLE, idle)
  local surplus = redis.call('ZCARD', book.keys[IDLE]) - REMEMBERED_IDLE_SCOPES
  if surplus <= 0 then
    return
  end
  local forgotten = {}
  local popped = redis.call('ZPOPMIN', book.keys[IDLE], surplus)
  for i = 1, #popped, 2 do
    local counts = scope(popped[i])
    if counts[IN_USE] == 0 and counts[LISTED] == 0 then
      forgotten[#forgotten + 1] = popped[i]
    end
  end
  write('HDEL', BOOK, forgotten)
  write('HDEL', PEAKS, forgotten)
end

local function write_book()
  local records, idle = {}, {}
  for name in pairs(book.changed_scopes) do
    local counts = book.counts[name]
    records[#records + 1] = name
    records[#records + 1] = struct.pack(COUNTS, unpack(counts))
    if counts[IN_USE] == 0 and counts[LISTED] == 0 then
      idle[#idle + 1] = book.now
      idle[#idle + 1] = name
    end
  end
  if book.next_end_changed then
    records[#records + 1] = NEXT_END
    records[#records + 1] = string.format('%.0f', next_end())
  end
  write('HSET', BOOK, records)
  if #idle > 0 then
    forget_idle_scopes(idle)
  end
end

local function write_released()
  local ids = {}
  for id in pairs(book.released) do
    ids[#ids + 1] = book.now
    ids[#ids + 1] = id
  end
  if #ids > 0 then
    write('ZADD', RELEASED, ids)
    redis.call('ZREMRANGEBYRANK', book.keys[RELEASED], 0, -REMEMBERED_RELEASES - 1)
    redis.call('PEXPIRE', book.keys[RELEASED], REMEMBER_FOR_MS)
  end
end

local function close_book()
  write_leases()
  write_book()
  write_released()
end
