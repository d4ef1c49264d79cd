"""Streams of the Responses API in the OpenAI specification's order: every SDK's helper and strict validation take it.

The default is Mantle's own order, and test_conformance_openai.py shows who trips over it.
"""

from collections.abc import Iterator

import pytest

from simulator.settings import Settings, apply_assignments
from tests.conformance.clients import SPECIFICATION_ORDER_CLIENTS, Client
from tests.conformance.simulator_host import ConformanceHost, serve_host
from tests.response_event_order import OPENAI_EVENT_ORDER

CASES = [
    pytest.param(client, step, id=f"{client.name}-{step}")
    for client in SPECIFICATION_ORDER_CLIENTS
    for step in client.steps
]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConformanceHost]:
    """A simulator that streams in the specified order."""
    settings = apply_assignments(Settings(port=0), ["responses_events=openai"])
    with serve_host(settings, tmp_path_factory.mktemp("training"), event_order=OPENAI_EVENT_ORDER) as made:
        yield made


@pytest.mark.shows("node-trap")
@pytest.mark.parametrize(("client", "step"), CASES)
def test_the_specified_order_is_read_by_every_client(host: ConformanceHost, client: Client, step: str) -> None:
    """The same answer, told in the order that OpenAI's own documents give."""
    assert host.result_of(client, step) == host.expected_value(client, step)
