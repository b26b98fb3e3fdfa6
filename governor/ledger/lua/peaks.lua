-- Peaks: the highest in_use of each 10 s bucket of the last hour (rule 14).
--
-- The running bucket's peak stands among the scope's counts. Finished buckets go to a history of
-- pairs {bucket, peak}: a pair holds from its bucket until the next pair's. So only the first
-- change in a bucket touches the history, and a scope in which nothing changes costs nothing.

local HOUR = 360 -- buckets

local function append(history, bucket, peak)
  if history[#history] ~= peak then
    history[#history + 1] = bucket
    history[#history + 1] = peak
  end
end

local function drop_before(history, oldest)
  local kept, first = {}, 1
  while history[first + 2] and history[first + 2] <= oldest do
    first = first + 2
  end
  for i = first, #history do
    kept[#kept + 1] = history[i]
  end
  return kept
end

-- The highest peak of `history`, and the bucket in which it is an hour old.
local function highest(history, ended)
  local peak, last = 0, 0
  for i = 1, #history, 2 do
    if history[i + 1] >= peak then
      peak, last = history[i + 1], (history[i + 2] or ended) - 1
    end
  end
  return peak, last + HOUR
end

-- Bring the counts of the scope `name` to the running bucket.
local function roll(name, counts)
  local bucket = book.bucket
  local packed = redis.call('HGET', book.keys[PEAKS], name)
  local history = packed and cmsgpack.unpack(packed) or {}
  append(history, counts[BUCKET], counts[BUCKET_PEAK])
  if counts[BUCKET] + 1 < bucket then
    append(history, counts[BUCKET] + 1, counts[IN_USE])
  end
  history = drop_before(history, bucket - HOUR + 1)
  redis.call('HSET', book.keys[PEAKS], name, cmsgpack.pack(history))
  counts[HOUR_PEAK], counts[HOUR_PEAK_UNTIL] = highest(history, bucket)
  counts[BUCKET], counts[BUCKET_PEAK] = bucket, counts[IN_USE]
end

-- The counts of the scope `name`, which are about to change.
local function change_scope(name)
  local counts = scope(name)
  if not book.changed_scopes[name] then
    book.changed_scopes[name] = true
    if counts[BUCKET] < book.bucket then
      roll(name, counts)
    end
  end
  return counts
end

local function add_in_use(name, weight)
  local counts = change_scope(name)
  local in_use = counts[IN_USE] + weight
  counts[IN_USE] = in_use
  if in_use > counts[BUCKET_PEAK] then
    counts[BUCKET_PEAK] = in_use
  end
  return counts
end
