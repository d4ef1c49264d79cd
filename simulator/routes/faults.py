"""`/_simulator/faults`: scripted faults, which can be added and removed while the server runs."""

from simulator.errors import NOT_FOUND
from simulator.faults.registered_fault import FaultStatus
from simulator.faults.script import parse_script
from simulator.routes.request_context import RequestContext
from simulator.wire.json_response import Json


async def list_faults(context: RequestContext) -> Json:
    """Return every fault in order, with its counters."""
    return {"data": [_render_fault(fault) for fault in context.app.fault_registry.statuses()], "object": "list"}


async def add_faults(context: RequestContext) -> Json:
    """Add the faults of a script, all or none; return their ids."""
    return {"ids": list(context.app.fault_registry.add_parsed(parse_script(await context.request.body())))}


async def clear_faults(context: RequestContext) -> Json:
    """Remove all faults."""
    context.app.fault_registry.clear()
    return {"deleted": True}


async def remove_fault(context: RequestContext) -> Json:
    """Remove one fault."""
    fault_id = context.path_parameter("fault")
    if not context.app.fault_registry.remove(fault_id):
        raise NOT_FOUND(noun="fault", name=fault_id, hint="GET /_simulator/faults lists the existing ones")
    return {"deleted": True, "id": fault_id}


def _render_fault(status: FaultStatus) -> Json:
    return {
        "applied": status.applied,
        "fault": status.fault.source,
        "id": status.id,
        "matched": status.matched,
        "refused": status.refused,
    }
