"""The `rft` command line: one module per command."""
