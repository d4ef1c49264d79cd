"""`rft-sim doctor`, `preview`, `regrade` and `estimate`: their options, and what all of them do with some.

given      options that several of them take, read and refused in one way
doctor     the options of a visit; `appointment` carries it out, `delivery` writes its reports
preview    the Lambda event, before there is a function
regrade    the stored rollouts of a job, scored by another version of a reward function
estimate   steps, calls, costs and hours of a run
"""
