"""Training probes: what a run on the function's rewards would have come to, rehearsed on the simulated policy."""
