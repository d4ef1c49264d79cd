"""`--responses-events`: the order of a streamed response's events, from the command line."""

import sys

import pytest

from tests.end_to_end.commands import rft_sim

_STREAM = """
from openai import OpenAI
with OpenAI() as client:
    stream = client.responses.create(model="openai.gpt-oss-20b", input="Why?", stream=True)
    print(next(event.type for event in stream if event.type.endswith("part.added")))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "first"),
    [
        ([], "response.reasoning_part.added"),
        (["--responses-events", "openai"], "response.content_part.added"),
    ],
)
def test_the_order_of_events_is_an_option(options: list[str], first: str) -> None:
    """Mantle's own unless told otherwise."""
    done = rft_sim("exec", *options, "--", sys.executable, "-c", _STREAM)
    assert (done.returncode, done.stdout) == (0, f"{first}\n"), done.stderr
