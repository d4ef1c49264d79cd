"""A small simulated policy, and the real GRPO update on the rewards of the user's own function."""
