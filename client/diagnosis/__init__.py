"""Diagnosis of a finished job from its own metrics: time series, rules and their rendering."""
