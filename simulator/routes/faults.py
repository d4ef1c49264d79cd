"""`/_simulator/faults`: what a client is to meet, set and taken back while it runs."""

from simulator.errors import NOT_FOUND
from simulator.faults.registry import Standing
from simulator.faults.script import faults_in
from simulator.routes.request_context import Call
from simulator.wire.json_response import Json


async def listing(call: Call) -> Json:
    """Return every fault in its order, how many requests fitted it, how often it took effect, and why it could not."""
    return {"data": [_shown(standing) for standing in call.house.faults.standings()], "object": "list"}


async def add(call: Call) -> Json:
    """Add the faults of a script, all or none; return their ids."""
    return {"ids": list(call.house.faults.put(faults_in(await call.request.body())))}


async def clear(call: Call) -> Json:
    """Take all faults back."""
    call.house.faults.clear()
    return {"deleted": True}


async def remove(call: Call) -> Json:
    """Take one fault back."""
    name = call.named("fault")
    if not call.house.faults.remove(name):
        raise NOT_FOUND(noun="fault", name=name, hint="GET /_simulator/faults lists those that are there")
    return {"deleted": True, "id": name}


def _shown(standing: Standing) -> Json:
    return {
        "applied": standing.applied,
        "fault": standing.fault.written,
        "id": standing.id,
        "matched": standing.matched,
        "refused": standing.refused,
    }
