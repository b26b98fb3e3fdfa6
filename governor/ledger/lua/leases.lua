-- Leases: deciding, granting, ending.

-- A claim: what an invocation of a function holds.
local CLAIM_FUNCTION, RANK, MAX_ATTEMPTS, HOLDS = 1, 2, 3, 4
-- A hold. LIMIT is below 0 where there is none; LISTED is shared with the counts.
local SCOPE, WEIGHT, LIMIT, SHADOW, HOLD_LISTED = 1, 2, 3, 4, 5

-- The hold that denies, and the first that would if it were not a shadow's.
local function verdict(claim)
  local shadow
  local holds = claim[HOLDS]
  for i = 1, #holds do
    local hold = holds[i]
    local limit = hold[LIMIT]
    if limit >= 0 and scope(hold[SCOPE])[IN_USE] + hold[WEIGHT] > limit then
      if not hold[SHADOW] then
        return hold, shadow
      end
      shadow = shadow or hold
    end
  end
  return nil, shadow
end

-- Hold a lease in all its scopes; `counted` is the total that it adds to, GRANTED or none.
local function grant(id, text, ttl_ms, state, counted)
  local holds = claim_in(text)[HOLDS]
  for i = 1, #holds do
    local hold = holds[i]
    local counts = add_in_use(hold[SCOPE], hold[WEIGHT])
    counts[LISTED] = hold[HOLD_LISTED]
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
  local holds = claim_in(lease[CLAIM])[HOLDS]
  for i = 1, #holds do
    add_in_use(holds[i][SCOPE], -holds[i][WEIGHT])
  end
  set_lease(id, false)
end

local function count(hold, total)
  local counts = change_scope(hold[SCOPE])
  counts[LISTED] = hold[HOLD_LISTED]
  counts[total] = counts[total] + 1
  return counts
end
