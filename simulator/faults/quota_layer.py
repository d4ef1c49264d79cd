"""The middleware layer of a token quota: a 429 beyond the input quota, a lower budget beyond the output quota."""

from math import ceil

from simulator.errors import TOO_MANY_TOKENS
from simulator.faults.error_responses import ErrorResponses
from simulator.faults.fault_match import FaultMatch
from simulator.faults.middleware_layers import add_hint
from simulator.faults.model_request import ModelRequest, parse_model_request
from simulator.faults.request_fault import ApiErrorEffect, RetryAfter
from simulator.faults.token_quota import QuotaExceeded
from simulator.http.asgi import App, Receive, Scope, Send

_NEVER_FITS = "more than a minute's quota, so waiting does not help: lower max_tokens"


def enforce_quota(app: App, fault_match: FaultMatch, *, error_responses: ErrorResponses) -> App:
    """Return the app with a fault's token quota. Requests that are not for a model are unchanged."""

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        request = parse_model_request(fault_match.request)
        if request is None:
            await app(scope, receive, send)
            return
        reservation = fault_match.quota.reserve(request.demand, request=request.fingerprint)
        if isinstance(reservation, QuotaExceeded):
            fault_match.record_applied()
            hint = f"{_describe(request, reservation)}; {fault_match.hint}"
            response = error_responses.api_error(_quota_error(reservation), fault_match.request, scope, hint=hint)
            await response(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        inner_app = app
        if reservation.budget < request.demand.budget:
            hint = f"the output quota leaves {reservation.budget} of {request.demand.budget} tokens to generate"
            fault_match.record_applied(hint)
            inner_app = add_hint(app, f"{hint}; {fault_match.hint}")
            receive = request.with_budget(receive, budget=reservation.budget)
        try:
            await inner_app(scope, receive, send)
        finally:
            fault_match.quota.release_unused(reservation, state.get("usage"))

    return layer


def _quota_error(exceeded: QuotaExceeded) -> ApiErrorEffect:
    wait = None if exceeded.wait_seconds is None else RetryAfter(seconds=ceil(exceeded.wait_seconds))
    return ApiErrorEffect(kind=TOO_MANY_TOKENS, retry_after=wait)


def _describe(request: ModelRequest, exceeded: QuotaExceeded) -> str:
    demand = request.demand
    description = (
        f"{demand.prompt_tokens} input tokens and a budget of {demand.budget} need {exceeded.tokens}; "
        f"{exceeded.remaining} are left"
    )
    return description if exceeded.wait_seconds is not None else f"{description}; {_NEVER_FITS}"
