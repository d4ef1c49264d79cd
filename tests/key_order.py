"""The order of keys in JSON text: alphabetical on the wire, with one exception."""

import json

# SAMPLE: how the walkthrough's metrics event prints its `data`.
METRIC_KEY_ORDER = [
    "total_steps",
    "actor_grad_norm",
    "response_length_mean",
    "step",
    "actor_pg_loss",
    "critic_rewards_mean",
    "actor_entropy",
    "critic_advantages_mean",
]


def find_unsorted_objects(text: str) -> list[list[str]]:
    """Return the keys of every object, at any depth, whose keys are not in alphabetical order."""
    found: list[list[str]] = []

    def note(pairs: list[tuple[str, object]]) -> dict[str, object]:
        keys = [key for key, _ in pairs]
        if keys != sorted(keys):
            found.append(keys)
        return dict(pairs)

    json.loads(text, object_pairs_hook=note)
    return found
