"""The doctor's self-test: it runs the doctor on reward functions whose faults are known, and counts what it finds.

galleries  the reward functions with their verdicts, from the package or from a checkout
doctor_process  one run of the doctor, as a process of its own
figures    what was found, counted, and the figures that are wanted
table      the table for a terminal
json_report  the same for scripts
"""
