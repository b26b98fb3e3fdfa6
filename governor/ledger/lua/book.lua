-- The book: what one call reads and changes. Each key is read once when the call starts and written
-- once when it ends, so a call with a hundred operations costs hardly more than a call with one.

-- KEYS, in the order of governor/ledger/keys.py
local LEASES, EXPIRIES, SCOPES, PEAKS, POLICY, QUEUE, IDLE, RELEASED = 1, 2, 3, 4, 5, 6, 7, 8

-- A lease record. WAITING is absent once the lease is held.
local FUNCTION, EXPIRES_AT, OVERRUN, WEIGHTS, WAITING = 1, 3, 4, 5, 6 -- 2: acquired at

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
    scopes = {}, changed_scopes = {},
    released = {},
    expired = {},
  }
end

local function version()
  if book.version == nil then
    book.version = redis.call('HGET', book.keys[POLICY], 'version')
  end
  return book.version
end

-- Read the named fields of a hash that `cache` does not hold yet; a missing one becomes false.
local function load(cache, which, names, unpacked)
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
    local packed = redis.call('HMGET', book.keys[which],
      unpack(unread, first, math.min(first + AT_ONCE - 1, count)))
    for i = 1, #packed do
      if packed[i] then
        cache[unread[first + i - 1]] = unpacked(packed[i])
      end
    end
  end
end

local function unpack_counts(value)
  return { struct.unpack(COUNTS, value) }
end

local function lease(id)
  if book.leases[id] == nil then
    load(book.leases, LEASES, { id }, cmsgpack.unpack)
  end
  return book.leases[id]
end

-- `record` false: the lease is over.
local function set_lease(id, record)
  book.leases[id] = record
  book.changed_leases[id] = true
  if record and record[EXPIRES_AT] < (book.next_end or math.huge) then
    book.next_end = record[EXPIRES_AT]
  end
end

local function scope(name)
  if book.scopes[name] == nil then
    load(book.scopes, SCOPES, { name }, unpack_counts)
  end
  local counts = book.scopes[name]
  if not counts then
    counts = { 0, 0, 0, 0, 0, 0, 0, book.bucket, 0, 0, 0 }
    book.scopes[name] = counts
  end
  return counts
end

local function change_scope(name)
  book.changed_scopes[name] = true
  return scope(name)
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
  local records, ends, gone = {}, {}, {}
  for id in pairs(book.changed_leases) do
    local record = book.leases[id]
    if record then
      records[#records + 1] = id
      records[#records + 1] = cmsgpack.pack(record)
      ends[#ends + 1] = record[EXPIRES_AT]
      ends[#ends + 1] = id
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
  write('HDEL', SCOPES, forgotten)
  write('HDEL', PEAKS, forgotten)
end

local function write_scopes()
  local records, idle = {}, {}
  for name in pairs(book.changed_scopes) do
    local counts = book.scopes[name]
    records[#records + 1] = name
    records[#records + 1] = struct.pack(COUNTS, unpack(counts))
    if counts[IN_USE] == 0 and counts[LISTED] == 0 then
      idle[#idle + 1] = book.now
      idle[#idle + 1] = name
    end
  end
  write('HSET', SCOPES, records)
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
  write_scopes()
  write_released()
end
