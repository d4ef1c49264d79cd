"""The wrong answers of probe S5, by the kind of task."""
