"""The doctor's reports: for a terminal, a script, a CI server, a browser and a diff.

table         for a person at a terminal, worst finding first
json_report   for scripts, with stable keys
junit_report  for CI servers, one test case per probe
html_report   for a browser, one file with the training curves
golden        for a diff: every score, in a text file that is committed
explanations  what each finding means: docs/findings.md
excerpts      shortens texts of users and models for display
terminal      prints reports that are made of rich tables
"""
