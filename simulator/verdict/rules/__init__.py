"""The rules: one mistake of a client's each, a pure fold over exchanges."""
