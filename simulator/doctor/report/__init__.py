"""What a visit found, for those who read it: a terminal, a script, a CI server, a browser and a diff.

table      for a person at a terminal, worst first
as_json    for scripts: stable keys
junit      for CI servers: a test case for each probe
html       for a browser: one file that needs nothing else, with the curves of the rehearsed runs
golden     for a diff: every score, kept in a file beside the reward function
pages      what each finding means: FINDINGS.md
excerpts   texts that were written by others, made short to look at
"""
