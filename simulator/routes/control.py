"""`/_simulator/health` and `/_simulator/reset`. Routes under `/_simulator` are not Bedrock's and need no key."""

from starlette.concurrency import run_in_threadpool

from simulator.routes.request_context import RequestContext
from simulator.wire.json_response import Json


async def get_health(context: RequestContext) -> Json:
    """Return that the server is up: its data folder, its time, and its region.

    The time is in seconds since the Unix epoch. The folder is null if the state is not kept.
    """
    settings = context.app.settings
    data = None if settings.data is None else str(settings.data.absolute())
    return {"data": data, "now": context.app.clock.now(), "region": settings.region, "status": "ok"}


async def reset(context: RequestContext) -> Json:
    """Delete all files, jobs and models, empty the AWS account, and set the clock back to its start."""
    await run_in_threadpool(context.app.reset)
    return {"status": "ok"}
