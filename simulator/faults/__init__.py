"""Scripted faults: errors, delays and broken connections that a script injects at exact calls.

`docs/faults.md` describes the script. Request faults act in the HTTP middleware and job faults in the job hooks; no
other part of the simulator knows them. Faults are kept in memory only: they end with the process, and a reset restores
those that the simulator was started with.
"""
