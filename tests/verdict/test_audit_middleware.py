"""What is heard of an exchange, from outside of everything that answers."""

import asyncio

import pytest

from simulator.http.asgi import HANG_UP, App, Message, Receive, Scope, Send
from simulator.verdict import exchange_parser as reading
from simulator.verdict.exchange import Asked, Exchange, Operation, Outcome, Sight, Told
from tests.verdict.middleware_harness import (
    GONE,
    LOOK,
    NO_BODY,
    Caller,
    Hearing,
    answering,
    body,
    heard,
    piece,
    scope,
    start,
    watching,
)

ORDER = b'{"model":"m","training_file":"file-1"}'
SHOWN = b'{"id":"ftjob-1","metadata":{"id":"x","status":"odd"},"status":"running"}'


@pytest.fixture
def _ears_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hear a hang-up from the first moment."""
    monkeypatch.setattr("simulator.verdict.audit_middleware.LISTENS_AFTER", 0)


def test_an_exchange_is_told_with_what_was_asked_and_answered() -> None:
    """A look at a job; its metadata may hold the very words."""
    judge = Hearing()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        judge.seconds = 1.0
        await send(start())
        judge.seconds = 1.5
        await send(body(SHOWN[:20], more=True))
        judge.seconds = 1.75
        await send(body(SHOWN[20:]))
        judge.seconds = 9.0

    exchange = heard(app, judge=judge)
    assert exchange == Exchange(
        client=exchange.client,
        key=exchange.key,
        is_named=False,
        connection="127.0.0.1:50000",
        is_first=True,
        asked=Asked(operation=Operation.RETRIEVE_JOB, line=f"GET {LOOK}", job="ftjob-1", same=exchange.asked.same),
        began=0.0,
        ended=1.75,
        silence=1.0,
        status=200,
        told=Told(jobs=(Sight(job="ftjob-1", status="running", label=""),)),
    )


async def _raises(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ConnectionError


async def _raises_in_the_middle(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send(start())
    await send(body(SHOWN[:20], more=True))
    raise ConnectionError


@pytest.mark.parametrize(
    ("app", "outcome", "status"),
    [
        (answering(), Outcome.LOST, None),
        (answering(start()), Outcome.CUT, 200),
        (answering(start(), body(SHOWN, more=True)), Outcome.CUT, 200),
        (answering(start(500), body()), Outcome.ANSWERED, 500),
    ],
)
def test_an_answer_is_whole_or_lost_or_cut_off(app: App, outcome: Outcome, status: int | None) -> None:
    """Only a whole one tells of the job."""
    exchange = heard(app)
    assert (exchange.outcome, exchange.status, exchange.told) == (outcome, status, Told())


@pytest.mark.parametrize(("app", "outcome"), [(_raises, Outcome.LOST), (_raises_in_the_middle, Outcome.CUT)])
def test_what_is_raised_is_passed_on(app: App, outcome: Outcome) -> None:
    """A server closes the connection for it; the exchange is told all the same."""
    judge = Hearing()
    with pytest.raises(ExceptionGroup) as raised:
        heard(app, judge=judge)
    assert isinstance(raised.value.exceptions[0], ConnectionError)
    assert [exchange.outcome for exchange in judge.exchanges] == [outcome]


@pytest.mark.parametrize(("sent", "outcome"), [([], Outcome.LOST), ([start(), body(SHOWN, more=True)], Outcome.CUT)])
def test_a_connection_that_the_simulator_closes_was_not_hung_up_by_the_caller(
    sent: list[Message], outcome: Outcome
) -> None:
    """A scripted fault drops it, and then hears it go like anybody else."""
    closed: list[Caller] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in sent:
            await send(message)
        scope["extensions"][HANG_UP]()
        while await receive() != GONE:
            pass

    async def go(judge: Hearing) -> None:
        caller = Caller()

        def close() -> None:
            closed.append(caller)
            caller.hang_up()

        await watching(app, judge)(scope(extensions={HANG_UP: close}), caller.receive, caller.send)

    judge = Hearing()
    asyncio.run(go(judge))
    assert [exchange.outcome for exchange in judge.exchanges] == [outcome]
    assert len(closed) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], None),
        ([(b"Retry-After", b"5")], 5.0),
        ([(b"retry-after", b"0.5")], 0.5),
        ([(b"retry-after", b"0")], None),
        ([(b"retry-after", b"-1")], None),
        ([(b"retry-after", b"nan")], None),
        ([(b"retry-after", b"soon")], None),
        ([(b"retry-after", b"Wed, 21 Oct 2026 13:02:00 GMT")], 120.0),
        ([(b"retry-after", b"Wed, 21 Oct 2026 12:58:00 GMT")], None),
        ([(b"retry-after", b"Wed, 21 Oct 9999999 12:58:00 GMT")], None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: list[tuple[bytes, bytes]], seconds: float | None) -> None:
    """RFC 9110, 10.2.3; a time that is over asks for nothing."""
    assert heard(answering(start(429, *headers), body())).retry_after == seconds


@pytest.mark.parametrize("path", ["/_simulator/health", "/", "/bucket/v1/key", "/2015-03-31/functions/f/invocations"])
def test_only_mantles_paths_are_watched(path: str) -> None:
    """The control plane, S3, Lambda and IAM are not."""
    judge, caller = Hearing(), []

    async def send(message: Message) -> None:
        caller.append(message)

    async def receive() -> Message:
        return NO_BODY

    asyncio.run(watching(answering(start(), body()), judge)(scope(path), receive, send))
    assert (judge.exchanges, caller) == ([], [start(), body()])


def test_a_body_passes_through_as_it_came_and_no_sooner_than_it_is_asked_for() -> None:
    """Of an upload nothing is read along, and nothing ahead of the app."""
    pieces = [piece(b"a" * 70_000, more=True), piece(b"b", more=True), piece(b"c")]
    got: list[Message] = []
    left: list[int] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        for _ in pieces:
            got.append(await receive())
            left.append(len(caller.says))
            await asyncio.sleep(0.01)
        await send(start())
        await send(body())

    caller = Caller(pieces)
    judge = Hearing()
    asked = scope("/v1/files", method="POST")
    asyncio.run(watching(app, judge)(asked, caller.receive, caller.send))
    assert (got, left) == (pieces, [2, 1, 0])


@pytest.mark.usefixtures("_ears_at_once")
def test_a_hang_up_is_heard_while_the_app_does_not_listen() -> None:
    """At once, and with the time of it; what is answered later reaches nobody."""
    judge = Hearing()
    received, go_on = asyncio.Event(), asyncio.Event()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == NO_BODY
        received.set()
        await go_on.wait()
        await send(start())
        await send(body(SHOWN))
        assert await receive() == GONE

    async def leave(caller: Caller) -> None:
        await received.wait()
        judge.seconds = 5.0
        caller.hang_up()
        while not judge.exchanges:  # noqa: ASYNC110  the exchange is told of by the loop
            await asyncio.sleep(0)
        judge.seconds = 7.0
        go_on.set()

    exchange = heard(app, judge=judge, then=leave)
    assert (exchange.outcome, exchange.ended, exchange.silence) == (Outcome.HUNG_UP, 5.0, 5.0)


def test_who_has_hung_up_before_a_slow_answer_is_found_gone() -> None:
    """Where nobody has listened yet; a server would lose the answer without a word."""
    judge = Hearing()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == NO_BODY
        caller_is_gone.set()
        await asyncio.sleep(0)
        judge.seconds = 0.06
        await send(start())
        await send(body(SHOWN))

    caller_is_gone = asyncio.Event()

    async def leave(caller: Caller) -> None:
        await caller_is_gone.wait()
        caller.hang_up()

    exchange = heard(app, judge=judge, then=leave)
    assert (exchange.outcome, exchange.silence) == (Outcome.HUNG_UP, 0.0)  # for how long it waited is not known


@pytest.mark.usefixtures("_ears_at_once")
def test_a_hang_up_is_heard_before_the_app_has_asked_for_anything() -> None:
    """A fault that stalls at the door; the request's body waits for the app."""
    judge = Hearing()
    go_on = asyncio.Event()
    sent = piece(b'{"training_file":"f"}')

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        await go_on.wait()
        assert [await receive(), await receive()] == [sent, GONE]

    async def leave(caller: Caller) -> None:
        caller.hang_up()
        while not judge.exchanges:  # noqa: ASYNC110  as above
            await asyncio.sleep(0)
        go_on.set()

    exchange = heard(app, scope("/v1/fine_tuning/jobs", method="POST"), judge=judge, says=[sent], then=leave)
    assert exchange.outcome is Outcome.HUNG_UP


@pytest.mark.parametrize("pieces", [[ORDER], [ORDER[:7], ORDER[7:]]])
def test_an_order_is_known_where_the_app_never_asks_for_it(pieces: list[bytes]) -> None:
    """A connection that is dropped before the work is done, as the caller knows nothing of."""
    says = [piece(part, more=place < len(pieces)) for place, part in enumerate(pieces, start=1)]
    exchange = heard(answering(), scope("/v1/fine_tuning/jobs", method="POST"), says=says)
    assert (exchange.outcome, exchange.asked) == (
        Outcome.LOST,
        reading.asked("POST", "/v1/fine_tuning/jobs", b"", ORDER),
    )


def test_an_order_that_was_read_ahead_reaches_the_app_all_the_same() -> None:
    """As it came; one that is too large is let through."""
    for says in ([piece(ORDER)], [piece(b"x" * 40_000, more=True), piece(b"x" * 40_000, more=True), piece(b"x")]):
        got: list[Message] = []

        async def app(
            _scope: Scope, receive: Receive, send: Send, *, got: list[Message] = got, count: int = len(says)
        ) -> None:
            got.extend([await receive() for _ in range(count)])
            await send(start())
            await send(body())

        heard(app, scope("/v1/fine_tuning/jobs", method="POST"), says=says)
        assert got == says


def test_a_body_that_was_not_read_is_not_taken_for_none() -> None:
    """Two chats that are refused at the door need not be the same."""
    assert heard(answering(start(429), body()), scope("/v1/chat/completions", method="POST")).asked.same is None


@pytest.mark.usefixtures("_ears_at_once")
@pytest.mark.parametrize("path", ["/v1/fine_tuning/jobs", "/v1/chat/completions", "/v1/files"])
def test_two_never_receive_at_once(path: str) -> None:
    """Each would get a part of the body."""
    pieces = [piece(b"a", more=True), piece(b"b", more=True), piece(b"c")]
    most = 0
    got: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        for _ in pieces:
            await asyncio.sleep(0.01)
            got.append(await receive())
        await send(start())
        await send(body())

    async def count(caller: Caller) -> None:
        nonlocal most
        while len(got) < len(pieces):
            most = max(most, caller.receives)
            await asyncio.sleep(0)

    heard(app, scope(path, method="POST"), says=pieces, then=count)
    assert (got, most) == (pieces, 1)


@pytest.mark.usefixtures("_ears_at_once")
def test_an_app_that_listens_hears_the_hang_up_itself() -> None:
    """As a stream does; it is told of all the same."""
    received = asyncio.Event()

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        assert await receive() == NO_BODY
        received.set()
        assert await receive() == GONE

    async def leave(caller: Caller) -> None:
        await received.wait()
        caller.hang_up()

    assert heard(app, then=leave).outcome is Outcome.HUNG_UP


def test_the_time_that_the_caller_takes_to_send_is_no_silence() -> None:
    """A slow upload, and a slow reader."""
    judge = Hearing()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(start())
        await send(body())

    async def go() -> None:
        caller = Caller()

        async def receive() -> Message:
            judge.seconds += 100 if caller.says else 0
            return await caller.receive()

        async def send(_message: Message) -> None:
            judge.seconds += 1_000

        await watching(app, judge)(scope("/v1/files", method="POST"), receive, send)

    asyncio.run(go())
    (exchange,) = judge.exchanges
    assert exchange.silence == 0


def test_a_second_request_on_a_connection_is_no_first_one() -> None:
    """Until so many others have come that it is forgotten."""
    judge = Hearing()
    app = watching(answering(start(), body()), judge)

    async def go() -> None:
        for port in (1, 2, 1, 1):
            caller = Caller()
            await app(scope(client=("127.0.0.1", port)), caller.receive, caller.send)

    asyncio.run(go())
    assert [exchange.is_first for exchange in judge.exchanges] == [True, True, False, False]


def test_what_was_under_way_when_the_judge_began_anew_is_not_judged() -> None:
    """It began in another story."""
    judge = Hearing()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        judge.forget()
        await send(start())
        await send(body())

    caller_heard: list[Message] = []

    async def go() -> None:
        caller = Caller()
        await watching(app, judge)(scope(), caller.receive, caller.send)
        caller_heard.extend(caller.heard)

    asyncio.run(go())
    assert (judge.exchanges, caller_heard) == ([], [start(), body()])


def test_what_is_under_way_at_the_verdict_counts_with_its_age() -> None:
    """It may never be answered."""
    judge = Hearing()
    found = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        judge.seconds = 700.0
        verdict = judge.verdict()
        found.append((verdict.seen.under_way, verdict.seen.longest_silence, verdict.findings[0].shown[0].what))

    heard(app, judge=judge)
    assert found == [(1, 700.0, "waited for 700 s, in which nothing came")]
