"""A server that stops while faults hold requests up."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from openai import OpenAI

from simulator.keys import session_key
from simulator.server import serving
from simulator.settings import Settings
from tests.faults.noise import listening
from tests.faults.test_faults_connection import PATIENCE, until
from tests.faults.test_faults_streams import chat, received
from tests.world import BASE, REGION


def test_a_server_that_stops_lets_go_of_what_faults_hold_up() -> None:
    """A stalled stream and a delayed request are answered to their end, and no task has to be cancelled."""
    taken: list[Any] = []
    with ThreadPoolExecutor(2) as threads:
        with serving(Settings(port=0)) as (simulator, url), listening() as heard:
            client = OpenAI(base_url=f"{url}/v1", api_key=session_key(REGION), max_retries=0)
            book = simulator.house.faults
            book.add({"request": {"path": "**/chat/completions"}, "stream": {"stall_after": 4}})
            book.add({"request": {"path": "/v1/models/*"}, "delay": 3_600})
            stalled = threads.submit(lambda: received(chat(client), taken))
            delayed = threads.submit(client.models.retrieve, BASE)
            until(lambda: [standing.applied for standing in book.standings()] == [1, 1])
            until(lambda: len(taken) == 4)
        stalled.result(PATIENCE)
        assert delayed.result(PATIENCE).id == BASE
    client.close()
    assert len(taken) > 4
    assert heard == []
