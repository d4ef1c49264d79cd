"""The doctor's reports: for a terminal, a script, a CI server, a browser and a diff.

table         for a person at a terminal, worst finding first
json_report   for scripts, with stable keys
junit_report  for CI servers, one test case per probe
html_report   for a browser, one file with the training curves
sarif_report  for code scanning, SARIF 2.1.0
markdown_report  for a comment on a pull request
baseline      for CI: which findings are new, known and fixed
golden        for a diff: every score, in a text file that is committed
explanations  what each finding means: docs/findings.md
headline      the three numbers on top, in words
repro         scripts that reproduce findings
repro_script  the text of these scripts
annotations   what reports say beside the findings
markdown_text writes texts as Markdown
excerpts      shortens texts of users and models for display
terminal      prints reports that are made of rich tables
"""
