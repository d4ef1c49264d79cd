"""Static probes: questions put to a reward function before any training."""
