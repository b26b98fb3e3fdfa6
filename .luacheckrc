-- Lua 5.1 as Redis and Valkey run it: no modules, no files, and one global of theirs.
std = {
   read_globals = {
      "assert", "error", "ipairs", "math", "next", "pairs", "pcall", "select", "string", "table",
      "tonumber", "tostring", "type", "unpack",
      redis = {
         fields = {
            "call", "pcall", "register_function", "error_reply", "status_reply", "setresp", "log",
            "LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING",
         },
      },
      cjson = { fields = { "encode", "decode", "null" } },
   },
}
max_line_length = 100
cache = ".cache/luacheck"
