"""Fine-tuning jobs: the state machine, the lifecycle that produces a job's events, the scheduler and the log.

`job` holds the state machine and the events, `lifecycle` computes a job from creation to end, `job_run` executes one
lifecycle, `scheduler` decides which job advances, `pace` says how far, and `engine` is the only writer of the logs.
"""
