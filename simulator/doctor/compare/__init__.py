"""Compares two versions of a reward function: what an edit changed in the doctor's report.

comparison   headline numbers, findings, and the scores of the same responses
table        the comparison for a terminal
json_report  the comparison for scripts
"""
