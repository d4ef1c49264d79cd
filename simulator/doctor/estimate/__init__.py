"""What a run would take, before it is paid for: every figure follows from the data and from assumptions with names.

assumptions  what nobody has told, or what is priced: each with its value and its evidence, and settable
measuring    what the reward function's calls take, and how long the base model's responses are
reckoning    the figures, from a plan and the assumptions
cautions     E1 to E6: what of such a run would be money lost
telling      all of it, from beginning to end
shown        a table for people, JSON for scripts
"""
