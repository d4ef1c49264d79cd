"""Small training files with known answers."""

import json
from typing import Any


def make_record(number: int) -> dict[str, Any]:
    """Return one addition problem in the form of the walkthrough; each `number` gives a different one."""
    left, right = 3 + number, 4 + 7 * number
    return {
        "messages": [
            {
                "role": "user",
                "content": f"Shelf {number} holds {left} red and {right} blue books. How many books is that? "
                'Think step by step and end with the answer after "####".',
            }
        ],
        "reference_answer": {"answer": str(left + right)},
        "data_source": "tests",
    }


def make_training_file(count: int, *, first: int = 0) -> bytes:
    """Return a training file of `count` records."""
    return "".join(json.dumps(make_record(number)) + "\n" for number in range(first, first + count)).encode()
