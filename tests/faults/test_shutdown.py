"""A server that stops, or is reset, while faults hold requests up."""

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
from tests.faults.test_response_faults import chat, collect
from tests.simulators import BASE_MODEL, REGION


def stop_server(_: Simulator) -> None:
    """Leave the server to its end."""


@pytest.mark.parametrize("ended", [stop_server, Simulator.reset], ids=["stopped", "reset"])
def test_what_faults_hold_up_is_cut_off_with_its_server(ended: Callable[[Simulator], None]) -> None:
    """A stalled stream does not go on, a delayed request is not answered; no task has to be cancelled."""
    taken: list[Any] = []
    with ThreadPoolExecutor(2) as threads:
        with serve_in_thread(Settings(port=0)) as (simulator, url), captured_logs() as heard:
            client = OpenAI(base_url=f"{url}/v1", api_key=create_session_key(REGION), max_retries=0)
            book = simulator.context.fault_registry
            book.add({"request": {"path": "**/chat/completions"}, "stream": {"stall_after": 4}})
            book.add({"request": {"path": "/v1/models/*"}, "delay": 3_600})
            stalled = threads.submit(lambda: collect(chat(client), taken))
            delayed = threads.submit(client.models.retrieve, BASE_MODEL)
            wait_for(lambda: [standing.applied for standing in book.statuses()] == [1, 1])
            wait_for(lambda: len(taken) == 4)
            ended(simulator)
        with pytest.raises(APIConnectionError):
            stalled.result(TIMEOUT)
        with pytest.raises(APIConnectionError):
            delayed.result(TIMEOUT)
    client.close()
    assert len(taken) == 4
    assert heard == []
