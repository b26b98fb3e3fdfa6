-- Lua 5.1 as Redis and Valkey run it: no modules, no files, and a few globals of theirs. The parts in
-- governor/ledger/lua share their locals, so they are checked as the one text that the store loads.
std = {
   read_globals = {
      "assert", "error", "ipairs", "math", "next", "pairs", "pcall", "select", "string", "table",
      "tonumber", "tostring", "type", "unpack",
      cjson = { fields = { "decode" } },
      cmsgpack = { fields = { "pack", "unpack" } },
      redis = { fields = { "call", "pcall", "register_function", "error_reply", "status_reply" } },
      struct = { fields = { "pack", "unpack", "size" } },
   },
}
max_line_length = 100
