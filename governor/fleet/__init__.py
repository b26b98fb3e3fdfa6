"""The account's functions: what there is, how it is governed, how it gets there and back."""
