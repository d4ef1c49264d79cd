"""Estimates a training run before it is paid for, from the data and from named assumptions.

assumptions   the values that are not known or not published, each with its evidence; the user can set them
measurement   the duration of the reward function's calls, and the length of the base model's responses
calculation   the numbers of the estimate, from a plan and the assumptions
run_checks    E1 to E6: reasons why a run would waste money
run_estimate  all steps of an estimate, in order
table         the estimate as a table in the terminal
json_report   the estimate as JSON for scripts
"""
