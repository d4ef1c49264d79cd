"""`/_simulator/verdict`: which mistakes the clients made."""

from simulator.routes.request_context import RequestContext
from simulator.verdict.json_report import render_verdict_json
from simulator.wire.json_response import Json
from simulator.wire.pagination import parse_flag, parse_integer


async def get_verdict(context: RequestContext) -> Json:
    """Return the verdict on the clients.

    `exit_code` is the client's exit code. `so_far` says that the clients are still running.
    """
    exit_code, so_far = parse_integer(context.query, "exit_code"), parse_flag(context.query, "so_far")
    return render_verdict_json(context.app.auditor.verdict(is_final=not so_far, exit_code=exit_code))


async def reset_verdict(context: RequestContext) -> Json:
    """Start a new audit, and return its empty verdict."""
    context.app.auditor.reset()
    return render_verdict_json(context.app.auditor.verdict())
