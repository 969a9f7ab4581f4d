"""The typed grammar: (scene class, seed) -> shader program."""
