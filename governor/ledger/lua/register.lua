-- NAME is the library's: functions of several versions stand side by side (rule 15).

redis.register_function(NAME .. '_exchange', exchange)
-- For releases, and for sweeping: what frees memory must not be refused when there is none left.
redis.register_function({
  function_name = NAME .. '_give_back', callback = exchange, flags = { 'allow-oom' },
})
redis.register_function(NAME .. '_put_policy', put_policy)
redis.register_function(NAME .. '_lead', lead)
redis.register_function(NAME .. '_record', record)
redis.register_function(NAME .. '_resign', resign)
redis.register_function(NAME .. '_note', note)
redis.register_function(NAME .. '_tell', tell)
