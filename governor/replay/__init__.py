"""What a pool's traffic was, and what a policy would have made of it: record, replay, recommend."""
