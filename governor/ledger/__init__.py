"""Who holds what: the Redis functions, their client, the embedded server, a pure reference."""
