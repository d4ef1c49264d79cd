"""Static probes: checks of a reward function without training."""
