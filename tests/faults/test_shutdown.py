"""A server that stops, or is reset, while faults delay requests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openai import APIConnectionError, OpenAI

from simulator.identity.session_key import create_session_key
from simulator.server import serve_in_thread
from simulator.settings import Settings
from simulator.simulator import Simulator
from tests.faults.log_capture import captured_logs
from tests.faults.test_connection import TIMEOUT, wait_for
from tests.faults.test_stream_faults import chat, collect
from tests.simulators import BASE_MODEL, REGION


def stop_at_end_of_block(_: Simulator) -> None:
    """Do nothing. The end of the `with` block stops the server."""


@pytest.mark.slow
@pytest.mark.parametrize("end_server", [stop_at_end_of_block, Simulator.reset], ids=["stopped", "reset"])
def test_stopping_a_server_disconnects_delayed_requests(end_server: Callable[[Simulator], None]) -> None:
    """A stalled stream and a delayed request end with a connection error, and no task is cancelled."""
    received: list[Any] = []
    with ThreadPoolExecutor(2) as threads:
        with serve_in_thread(Settings(port=0)) as (simulator, url), captured_logs() as messages:
            client = OpenAI(base_url=f"{url}/v1", api_key=create_session_key(REGION), max_retries=0)
            registry = simulator.context.fault_registry
            registry.add({"request": {"path": "**/chat/completions"}, "stream": {"stall_after": 4}})
            registry.add({"request": {"path": "/v1/models/*"}, "delay": 3_600})
            stalled_stream = threads.submit(lambda: collect(chat(client), received))
            delayed_request = threads.submit(client.models.retrieve, BASE_MODEL)
            wait_for(lambda: [status.applied for status in registry.statuses()] == [1, 1])
            wait_for(lambda: len(received) == 4)
            end_server(simulator)
        with pytest.raises(APIConnectionError):
            stalled_stream.result(TIMEOUT)
        with pytest.raises(APIConnectionError):
            delayed_request.result(TIMEOUT)
    client.close()
    assert len(received) == 4
    assert messages == []
