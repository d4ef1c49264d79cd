"""A quota of tokens around an app: over that of input a 429, over that of output a smaller budget."""

from math import ceil

from simulator.errors import TOO_MANY_TOKENS
from simulator.faults.error_responses import Answers
from simulator.faults.fault_match import Hit
from simulator.faults.middleware_layers import hinting
from simulator.faults.model_request import ModelRequest, model_request
from simulator.faults.request_fault import Refusal, RetryAfter
from simulator.faults.token_quota import Exceeded
from simulator.http.asgi import App, Receive, Scope, Send

_NEVER = "more than a minute's quota, so waiting does not help: lower max_tokens"


def rationed(app: App, hit: Hit, *, answers: Answers) -> App:
    """Return the app behind the quota of a fault. What is no request to a model passes."""

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        asked = model_request(hit.asked)
        if asked is None:
            await app(scope, receive, send)
            return
        admitted = hit.quota.admitted(asked.wanted, request=asked.known_by)
        if isinstance(admitted, Exceeded):
            hit.applied()
            answer = answers.refusal(
                _refusal(admitted), hit.asked, scope, hint=f"{_words(asked, admitted)}; {hit.hint}"
            )
            await answer(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        inner = app
        if admitted.budget < asked.wanted.budget:
            words = f"the output quota leaves {admitted.budget} of {asked.wanted.budget} tokens to generate"
            hit.applied(words)
            inner, receive = hinting(app, f"{words}; {hit.hint}"), asked.lowered(receive, budget=admitted.budget)
        try:
            await inner(scope, receive, send)
        finally:
            hit.quota.settle(admitted, state.get("usage"))

    return layer


def _refusal(exceeded: Exceeded) -> Refusal:
    wait = None if exceeded.wait is None else RetryAfter(seconds=ceil(exceeded.wait))
    return Refusal(kind=TOO_MANY_TOKENS, retry_after=wait)


def _words(asked: ModelRequest, exceeded: Exceeded) -> str:
    wanted = asked.wanted
    sums = (
        f"{wanted.prompt} input tokens and a budget of {wanted.budget} want {exceeded.tokens}; {exceeded.left} are left"
    )
    return sums if exceeded.wait is not None else f"{sums}; {_NEVER}"
