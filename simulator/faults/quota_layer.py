"""A quota of tokens around an app: over that of input a 429, over that of output a smaller budget."""

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
    """Return the app behind the quota of a fault. What is no request to a model passes."""

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        asked = parse_model_request(fault_match.request)
        if asked is None:
            await app(scope, receive, send)
            return
        admitted = fault_match.quota.reserve(asked.demand, request=asked.fingerprint)
        if isinstance(admitted, QuotaExceeded):
            fault_match.record_applied()
            answer = error_responses.api_error(
                _quota_error(admitted),
                fault_match.request,
                scope,
                hint=f"{_describe(asked, admitted)}; {fault_match.hint}",
            )
            await answer(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        inner = app
        if admitted.budget < asked.demand.budget:
            words = f"the output quota leaves {admitted.budget} of {asked.demand.budget} tokens to generate"
            fault_match.record_applied(words)
            inner, receive = (
                add_hint(app, f"{words}; {fault_match.hint}"),
                asked.with_budget(receive, budget=admitted.budget),
            )
        try:
            await inner(scope, receive, send)
        finally:
            fault_match.quota.release_unused(admitted, state.get("usage"))

    return layer


def _quota_error(exceeded: QuotaExceeded) -> ApiErrorEffect:
    wait = None if exceeded.wait_seconds is None else RetryAfter(seconds=ceil(exceeded.wait_seconds))
    return ApiErrorEffect(kind=TOO_MANY_TOKENS, retry_after=wait)


def _describe(asked: ModelRequest, exceeded: QuotaExceeded) -> str:
    wanted = asked.demand
    sums = f"{wanted.prompt_tokens} input tokens and a budget of {wanted.budget} want {exceeded.tokens}; {exceeded.remaining} are left"
    return sums if exceeded.wait_seconds is not None else f"{sums}; {_NEVER_FITS}"
