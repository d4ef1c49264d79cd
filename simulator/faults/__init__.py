"""Scripted faults: what a client meets at Bedrock on a bad day, made to happen at the HTTP edge, exactly.

`SCRIPT.md` describes the script. Nothing behind the edge is told, and nothing here is durable: a fault is gone with the
process, and with a reset.
"""
