"""Records for the training tests: arithmetic problems like GSM8K, labels, and JSON extraction."""

from pathlib import Path

import pytest

from simulator.training.dataset import DatasetLimits, Message, Record, read_records

_GSM8K = Path(__file__).parents[2] / "../shared/data/gsm8k/train.jsonl"


def _record(line: int, prompt: str, **fields: object) -> Record:
    return Record(line=line, messages=(Message(role="user", content=prompt),), fields=fields)  # type: ignore[arg-type] # a test writes only JSON here


@pytest.fixture(scope="session")
def sums() -> tuple[Record, ...]:
    """300 arithmetic problems with worked solutions that ask for `####`."""
    records = []
    for line in range(1, 301):
        first, second, times = 3 + line % 47, 5 + line % 31, 2 + line % 3
        total = (first + second) * times
        solution = f"{first} + {second} = {first + second}.\n({first + second}) * {times} = {total}.\n#### {total}"
        prompt = (
            f"Shelf {line} holds {first} red and {second} blue jars, and the shop has {times} such shelves. "
            'How many jars are there? Give the final answer after "####".'
        )
        records.append(_record(line, prompt, reference_answer=solution, ground_truth=str(total)))
    return tuple(records)


@pytest.fixture(scope="session")
def tickets() -> tuple[Record, ...]:
    """300 messages to label with one of four queues."""
    queues = ("billing", "delivery", "returns", "technical")
    subjects = ("an invoice", "a parcel", "a refund", "a login")
    return tuple(
        _record(
            line,
            f"Ticket {line}: a customer writes about {subjects[line % 4]}. "
            "Answer with only the label: billing, delivery, returns or technical.",
            reference_answer=queues[line % 4],
        )
        for line in range(1, 301)
    )


@pytest.fixture(scope="session")
def orders() -> tuple[Record, ...]:
    """300 sentences to convert to JSON."""
    goods = ("lamps", "chairs", "rugs")
    return tuple(
        _record(
            line,
            f'Return a JSON object with "item" and "quantity" for: please send {line % 9 + 1} {goods[line % 3]}, '
            f"reference {line}.",
            reference_answer={"item": goods[line % 3], "quantity": line % 9 + 1},
        )
        for line in range(1, 301)
    )


@pytest.fixture(scope="session")
def gsm8k() -> tuple[Record, ...]:
    """The sample file of Amazon, if it is available."""
    if not _GSM8K.exists():
        pytest.skip("the GSM8K sample file is not here")
    with _GSM8K.open("rb") as stream:
        return read_records(stream, DatasetLimits())
