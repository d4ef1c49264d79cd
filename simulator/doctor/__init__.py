"""The reward doctor: it finds what is wrong with a reward function before you pay for a training run.

    reward_function     the function under test: a folder, a file, a zip or an ARN; it is really run
    probe_context       what every probe works with: the rows, the function, and scores that several probes use
    invocation          sends cases to the function and reads their scores
    probes/static/      probes S1 to S18: checks without training
    probes/training/    probes T1 to T14: checks of simulated training on the function's rewards
    doctor_report       runs all probes in order, and stops where the rest cannot be measured
    report/             the findings as a table, JSON, JUnit XML, HTML and a golden file

A probe is a description (`finding.Probe`) and a function that yields findings. Its thresholds are in the same module.
"""
