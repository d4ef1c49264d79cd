"""Scores the stored rollouts of a job again, with another version of a reward function.

stored_rollouts  reads the rollouts from a file or a running simulator
scoring          scores each rollout again, in the same calls as the job
comparison       compares the old and new scores, per rollout and per split
table            the comparison as tables in the terminal
json_report      the comparison as JSON for scripts
"""
