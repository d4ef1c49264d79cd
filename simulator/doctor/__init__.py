"""The reward doctor: what is wrong with a reward function, found out before a run is paid for.

    patient       the reward function under examination: a folder, a file, a zip or an ARN, really run
    examination   what every probe works with: the rows, the patient and the scores that more than one probe reads
    static/       probes S1 to S18: questions put to the function, with no training
    rehearsal/    probes T1 to T14: training rehearsed on its rewards, with a usual policy and a loophole-seeking one
    visit         all of them in order, until one says that the rest cannot be measured
    report/       the findings as a table, JSON, JUnit XML, HTML and a golden file

A probe is what is asked (`finding.Probe`) with a function that answers it by findings. Its thresholds stand beside it.
"""
