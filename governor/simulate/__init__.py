"""What would have happened: an account's concurrency pool, simulated event by event."""
