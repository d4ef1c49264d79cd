"""The stored rollouts of a job, scored by another version of a reward function.

stored      the rollouts, as `/_simulator/jobs/{id}/rollouts` tells them, from a file or a running simulator
scoring     each of them scored again, in the calls that the job made
comparison  what that changes, row by row and in sum
shown       a table for people, JSON for scripts
"""
