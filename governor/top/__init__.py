"""`governor top`: the pool's scopes in a terminal, as they change."""
