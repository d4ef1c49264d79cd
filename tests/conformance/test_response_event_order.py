"""Every SDK accepts Responses streams in the order of the OpenAI specification, also with strict validation.

The default is Mantle's own order; test_openai_sdks.py shows which clients fail on it.
"""

from collections.abc import Iterator

import pytest

from simulator.settings import Settings, apply_assignments
from tests.conformance.clients import SPECIFICATION_ORDER_CLIENTS, Client
from tests.conformance.simulator_host import ConformanceHost, serve_host
from tests.response_event_order import OPENAI_EVENT_ORDER

pytestmark = pytest.mark.slow

CASES = [
    pytest.param(client, step, id=f"{client.name}-{step}")
    for client in SPECIFICATION_ORDER_CLIENTS
    for step in client.steps
]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConformanceHost]:
    """A simulator that streams in the order of the specification."""
    settings = apply_assignments(Settings(port=0), ["responses_events=openai"])
    with serve_host(settings, tmp_path_factory.mktemp("training"), event_order=OPENAI_EVENT_ORDER) as conformance_host:
        yield conformance_host


@pytest.mark.shows("node-trap")
@pytest.mark.parametrize(("client", "step"), CASES)
def test_every_client_accepts_the_specified_order(host: ConformanceHost, client: Client, step: str) -> None:
    """With helpers and strict validation."""
    assert host.result_of(client, step) == host.expected_value(client, step)
