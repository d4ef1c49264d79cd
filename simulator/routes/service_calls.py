"""`/_simulator/service-calls/{invocation}`: the calls of a function outside the simulator, such as the doctor's."""

from dataclasses import asdict

from simulator.routes.request_context import RequestContext
from simulator.wire.json_response import Json


async def take_service_calls(context: RequestContext) -> Json:
    """Return the calls to AWS services that an ended invocation sent here, by service, and forget them."""
    return [asdict(calls) for calls in context.app.take_service_calls(context.path_parameter("invocation"))]
