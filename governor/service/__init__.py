"""The HTTP face of the ledger: check-ins, limits, status, metrics."""
