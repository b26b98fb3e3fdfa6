"""The controller: holds background work back at its queues before it takes a slot.

Each cycle: observe → plan → apply. `plan` is pure; what it reads and says stands in `observed` and
`actions`.
"""
