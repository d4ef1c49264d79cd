"""Requests that wait at a delay gate."""

import asyncio

from simulator.faults.delay_gate import DelayGate
from simulator.settings import Settings
from simulator.simulator import Simulator

TIMEOUT = 10.0  # seconds


def test_a_wait_ends_after_its_time() -> None:
    """And leaves nothing behind."""
    gate = DelayGate()
    asyncio.run(gate.wait(0.001))
    assert gate._waiting == set()


def test_closing_a_simulator_disconnects_delayed_requests() -> None:
    """Also if its server continues, as after a reset."""
    with Simulator(Settings(), url="http://testserver") as simulator:
        simulator.context.fault_registry.add({"request": {}, "stream": {"stall_after": 1}})
        (entry,) = simulator.context.fault_registry._entries

    async def is_continued() -> bool:
        return await asyncio.wait_for(entry.delay_gate.wait(None), TIMEOUT)

    assert not asyncio.run(is_continued())


def test_no_request_waits_at_a_released_gate() -> None:
    """When the server stops, the request does not continue either."""
    gate = DelayGate()
    gate.release()
    assert asyncio.run(gate.wait(None))
    gate.disconnect()
    assert not asyncio.run(gate.wait(None))
    assert gate._waiting == set()
