"""The real world: a kind cluster with the serving stack, and what plays scenarios in it."""
