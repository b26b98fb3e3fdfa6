-- put_policy: replace policy and facts if they are still those that the change was based on.
--
-- ARGV: the version expected ('' for none), the new version, the policy's document, that of the
-- facts, the digest of the file it was loaded from ('' keeps the last), the channel to tell of it,
-- and the scopes that the policy no longer names. Answers 1 if done, 0 if another version stands.
local function put_policy(keys, arguments)
  open_book(keys)
  local expected, new, document, facts, file, channel = unpack(arguments, 1, 6)
  if (version() or '') ~= expected then
    return 0
  end
  redis.call('HSET', book.keys[POLICY], 'document', document, 'facts', facts)
  redis.call('HSET', book.keys[BOOK], VERSION, new)
  if file ~= '' then
    redis.call('HSET', book.keys[POLICY], 'file', file)
  end
  local unlisted = {}
  for i = 7, #arguments do
    unlisted[i - 6] = arguments[i]
  end
  load(book.fields, BOOK, unlisted)
  for _, name in ipairs(unlisted) do
    if scope(name)[IN_USE] > 0 then
      change_scope(name)[LISTED] = 0
    else
      redis.call('HDEL', book.keys[BOOK], name)
      redis.call('HDEL', book.keys[PEAKS], name)
    end
  end
  close_book()
  redis.call('SPUBLISH', channel, new)
  return 1
end
