"""Rollouts to rewards: the Lambda event (`event`), the answer read back (`answer`), and the calls between (`grader`).

A reward function that breaks never looks like a bad answer: whatever cannot be read as one finite number a rollout is a
`GraderError` that names the rollout, and nothing is ever scored 0 instead.
"""
