"""The Lambda layer as a file: built from its sources, published to AWS."""
