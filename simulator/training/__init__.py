"""The trained thing: a small simulated policy, and the real GRPO update on rewards that somebody else returned."""
