"""The clients of OpenAI's SDKs, old and new, in Python and Node, each in its own environment."""

from collections.abc import Iterator

import pytest

from simulator.settings import Pace, Settings
from tests.conformance.clients import CLIENTS, Client
from tests.conformance.simulator_host import ConformanceHost, serve_host

pytestmark = pytest.mark.slow

CASES = [pytest.param(client, step, id=f"{client.name}-{step}") for client in CLIENTS for step in client.steps]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConformanceHost]:
    """A simulator whose jobs advance only when they are read, so that their status is known."""
    settings = Settings(port=0, pace=Pace.POLL, responses_under_openai_v1=True)
    with serve_host(settings, tmp_path_factory.mktemp("training")) as conformance_host:
        yield conformance_host


@pytest.mark.shows("sdk-releases", "bedrock-clients", "strict-validation", "node-trap")
@pytest.mark.parametrize(("client", "step"), CASES)
def test_client_reads_what_the_server_sends(host: ConformanceHost, client: Client, step: str) -> None:
    """The same steps give the same values in every client and language."""
    assert host.result_of(client, step) == host.expected_value(client, step)
