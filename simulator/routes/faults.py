"""`/_simulator/faults`: what a client is to meet, set and taken back while it runs."""

from simulator.errors import NOT_FOUND
from simulator.faults.registered_fault import FaultStatus
from simulator.faults.script import parse_script
from simulator.routes.request_context import RequestContext
from simulator.wire.json_response import Json


async def list_faults(context: RequestContext) -> Json:
    """Return every fault in its order, how many requests fitted it, how often it took effect, and why it could not."""
    return {"data": [_render_fault(standing) for standing in context.app.fault_registry.statuses()], "object": "list"}


async def add_faults(context: RequestContext) -> Json:
    """Add the faults of a script, all or none; return their ids."""
    return {"ids": list(context.app.fault_registry.add_parsed(parse_script(await context.request.body())))}


async def clear_faults(context: RequestContext) -> Json:
    """Take all faults back."""
    context.app.fault_registry.clear()
    return {"deleted": True}


async def remove_fault(context: RequestContext) -> Json:
    """Take one fault back."""
    name = context.path_parameter("fault")
    if not context.app.fault_registry.remove(name):
        raise NOT_FOUND(noun="fault", name=name, hint="GET /_simulator/faults lists those that are there")
    return {"deleted": True, "id": name}


def _render_fault(standing: FaultStatus) -> Json:
    return {
        "applied": standing.applied,
        "fault": standing.fault.source,
        "id": standing.id,
        "matched": standing.matched,
        "refused": standing.refused,
    }
