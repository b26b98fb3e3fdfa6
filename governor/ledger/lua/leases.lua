-- Leases: deciding, granting, ending. Weights are the scopes and weights of a lease, flat:
-- {scope, weight, scope, weight, …}.

-- A claim: what an invocation of a function holds.
local CLAIM_FUNCTION, RANK, MAX_ATTEMPTS, HOLDS = 1, 2, 3, 4
-- A hold. LIMIT is below 0 where there is none; LISTED is shared with the counts.
local SCOPE, WEIGHT, LIMIT, SHADOW, HOLD_LISTED = 1, 2, 3, 4, 5

-- The name of the first scope that denies, and of the first that would if it were not a shadow.
local function verdict(claim)
  local shadow_denied_by
  for _, hold in ipairs(claim[HOLDS]) do
    local limit = hold[LIMIT]
    if limit >= 0 and scope(hold[SCOPE])[IN_USE] + hold[WEIGHT] > limit then
      if not hold[SHADOW] then
        return hold[SCOPE], shadow_denied_by
      end
      shadow_denied_by = shadow_denied_by or hold[SCOPE]
    end
  end
  return nil, shadow_denied_by
end

-- Hold a lease in all its scopes; `counted` is the total that it adds to, GRANTED or none.
local function grant(id, claim, ttl_ms, overrun, counted)
  local weights = {}
  for _, hold in ipairs(claim[HOLDS]) do
    local counts = add_in_use(hold[SCOPE], hold[WEIGHT])
    counts[LISTED] = hold[HOLD_LISTED]
    if counted then
      counts[counted] = counts[counted] + 1
    end
    if overrun then
      counts[OVERRUNS] = counts[OVERRUNS] + 1
    end
    weights[#weights + 1] = hold[SCOPE]
    weights[#weights + 1] = hold[WEIGHT]
  end
  local record = { claim[CLAIM_FUNCTION], book.now, book.now + ttl_ms, overrun, weights }
  set_lease(id, record)
  return record
end

-- The one end of every held lease, by release or by expiry: it gives back what it took (rule 8).
local function give_back(id, record)
  local weights = record[WEIGHTS]
  for i = 1, #weights, 2 do
    add_in_use(weights[i], -weights[i + 1])
  end
  set_lease(id, false)
end
