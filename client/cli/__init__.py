"""The commands of `rft`, one module each."""
