"""The command line, `rft-sim`: one module per command, and what several commands share."""
