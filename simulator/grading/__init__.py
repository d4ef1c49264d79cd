"""From rollouts to rewards: build the Lambda event, invoke the function and parse its response.

A reward function that fails never looks like a bad answer. A response without one finite number per rollout is a
`GraderError` that names the rollout; a score of 0 is never substituted.
"""
