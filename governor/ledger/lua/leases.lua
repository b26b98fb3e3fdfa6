-- Leases: deciding, granting, ending.

-- A claim: what an invocation of a function holds. It is flat, which is read fastest: after three
-- fields come its holds, HOLD_SIZE fields each. A hold is known by where it begins.
local CLAIM_FUNCTION, RANK, MAX_ATTEMPTS, FIRST_HOLD, HOLD_SIZE = 1, 2, 3, 4, 5
-- A hold's fields. LIMIT is below 0 where there is none; LISTED is shared with the counts.
local SCOPE, WEIGHT, LIMIT, SHADOW, HOLD_LISTED = 0, 1, 2, 3, 4

-- The hold that denies, and the first that would if it were not a shadow's.
local function verdict(claim)
  local shadow
  for hold = FIRST_HOLD, #claim, HOLD_SIZE do
    local limit = claim[hold + LIMIT]
    if limit >= 0 and scope(claim[hold + SCOPE])[IN_USE] + claim[hold + WEIGHT] > limit then
      if not claim[hold + SHADOW] then
        return hold, shadow
      end
      shadow = shadow or hold
    end
  end
  return nil, shadow
end

-- Hold a lease in all its scopes; `counted` is the total that it adds to, GRANTED or none.
local function grant(id, text, ttl_ms, state, counted)
  local claim = claim_in(text)
  for hold = FIRST_HOLD, #claim, HOLD_SIZE do
    local counts = add_in_use(claim[hold + SCOPE], claim[hold + WEIGHT])
    counts[LISTED] = claim[hold + HOLD_LISTED]
    if counted then
      counts[counted] = counts[counted] + 1
    end
    if state == OVERRUN then
      counts[OVERRUNS] = counts[OVERRUNS] + 1
    end
  end
  local lease = { book.now, book.now + ttl_ms, state, text }
  set_lease(id, lease)
  return lease
end

-- The one end of every held lease, by release or by expiry: it gives back what it took (rule 8).
local function give_back(id, lease)
  local claim = claim_in(lease[CLAIM])
  for hold = FIRST_HOLD, #claim, HOLD_SIZE do
    add_in_use(claim[hold + SCOPE], -claim[hold + WEIGHT])
  end
  set_lease(id, false)
end

local function count(claim, hold, total)
  local counts = change_scope(claim[hold + SCOPE])
  counts[LISTED] = claim[hold + HOLD_LISTED]
  counts[total] = counts[total] + 1
  return counts
end
