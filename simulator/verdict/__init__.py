"""A verdict on the client: each exchange at the front door is told to rules, and they tell what the client did wrong.

request -> `Watching` -> `Conversation` -> `Exchange` -> `Judge` -> every rule -> `Verdict` -> report
"""
