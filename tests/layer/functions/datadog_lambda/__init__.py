"""Another vendor's layer, as far as its documentation says how it gets before a handler."""
