"""Diagnosis of a job from its own metrics: time series, rules and their rendering."""
