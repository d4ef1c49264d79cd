"""What is heard of an exchange, from outside of everything that answers."""

import asyncio

import pytest

from simulator.http.asgi import CLOSE_CONNECTION, App, Message, Receive, Scope, Send
from simulator.verdict import exchange_parser as reading
from simulator.verdict.exchange import Exchange, JobView, Operation, Outcome, ParsedAnswer, ParsedRequest
from tests.verdict.middleware_harness import (
    DISCONNECT,
    EMPTY_BODY,
    JOB_PATH,
    RecordingAuditor,
    ScriptedCaller,
    app_answering,
    record_exchange,
    request_part,
    request_scope,
    response_part,
    response_start,
    with_audit_middleware,
)

CREATE_JOB_BODY = b'{"model":"m","training_file":"file-1"}'
JOB_ANSWER = b'{"id":"ftjob-1","metadata":{"id":"x","status":"odd"},"status":"running"}'


@pytest.fixture
def _listen_immediately(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hear a hang-up from the first moment."""
    monkeypatch.setattr("simulator.verdict.audit_middleware.DISCONNECT_LISTEN_DELAY", 0)


def test_an_exchange_is_told_with_what_was_asked_and_answered() -> None:
    """A look at a job; its metadata may hold the very words."""
    judge = RecordingAuditor()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        judge.seconds = 1.0
        await send(response_start())
        judge.seconds = 1.5
        await send(response_part(JOB_ANSWER[:20], more=True))
        judge.seconds = 1.75
        await send(response_part(JOB_ANSWER[20:]))
        judge.seconds = 9.0

    exchange = record_exchange(app, auditor=judge)
    assert exchange == Exchange(
        client=exchange.client,
        key_digest=exchange.key_digest,
        is_named=False,
        connection="127.0.0.1:50000",
        is_first=True,
        request=ParsedRequest(
            operation=Operation.RETRIEVE_JOB,
            request_line=f"GET {JOB_PATH}",
            job_id="ftjob-1",
            fingerprint=exchange.request.fingerprint,
        ),
        started_at=0.0,
        ended_at=1.75,
        longest_silence=1.0,
        status=200,
        answer=ParsedAnswer(jobs=(JobView(job_id="ftjob-1", status="running", label=""),)),
    )


async def _raises(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ConnectionError


async def _raises_in_the_middle(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send(response_start())
    await send(response_part(JOB_ANSWER[:20], more=True))
    raise ConnectionError


@pytest.mark.parametrize(
    ("app", "outcome", "status"),
    [
        (app_answering(), Outcome.NO_ANSWER, None),
        (app_answering(response_start()), Outcome.CUT_OFF, 200),
        (app_answering(response_start(), response_part(JOB_ANSWER, more=True)), Outcome.CUT_OFF, 200),
        (app_answering(response_start(500), response_part()), Outcome.ANSWERED, 500),
    ],
)
def test_an_answer_is_whole_or_lost_or_cut_off(app: App, outcome: Outcome, status: int | None) -> None:
    """Only a whole one tells of the job."""
    exchange = record_exchange(app)
    assert (exchange.outcome, exchange.status, exchange.answer) == (outcome, status, ParsedAnswer())


@pytest.mark.parametrize(("app", "outcome"), [(_raises, Outcome.NO_ANSWER), (_raises_in_the_middle, Outcome.CUT_OFF)])
def test_what_is_raised_is_passed_on(app: App, outcome: Outcome) -> None:
    """A server closes the connection for it; the exchange is told all the same."""
    judge = RecordingAuditor()
    with pytest.raises(ExceptionGroup) as raised:
        record_exchange(app, auditor=judge)
    assert isinstance(raised.value.exceptions[0], ConnectionError)
    assert [exchange.outcome for exchange in judge.exchanges] == [outcome]


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [([], Outcome.NO_ANSWER), ([response_start(), response_part(JOB_ANSWER, more=True)], Outcome.CUT_OFF)],
)
def test_a_connection_that_the_simulator_closes_was_not_hung_up_by_the_caller(
    sent: list[Message], outcome: Outcome
) -> None:
    """A scripted fault drops it, and then hears it go like anybody else."""
    closed: list[ScriptedCaller] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in sent:
            await send(message)
        scope["extensions"][CLOSE_CONNECTION]()
        while await receive() != DISCONNECT:
            pass

    async def go(judge: RecordingAuditor) -> None:
        caller = ScriptedCaller()

        def close() -> None:
            closed.append(caller)
            caller.disconnect()

        await with_audit_middleware(app, judge)(
            request_scope(extensions={CLOSE_CONNECTION: close}), caller.receive, caller.send
        )

    judge = RecordingAuditor()
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
    assert record_exchange(app_answering(response_start(429, *headers), response_part())).retry_after == seconds


@pytest.mark.parametrize("path", ["/_simulator/health", "/", "/bucket/v1/key", "/2015-03-31/functions/f/invocations"])
def test_only_mantles_paths_are_watched(path: str) -> None:
    """The control plane, S3, Lambda and IAM are not."""
    judge, caller = RecordingAuditor(), []

    async def send(message: Message) -> None:
        caller.append(message)

    async def receive() -> Message:
        return EMPTY_BODY

    asyncio.run(
        with_audit_middleware(app_answering(response_start(), response_part()), judge)(
            request_scope(path), receive, send
        )
    )
    assert (judge.exchanges, caller) == ([], [response_start(), response_part()])


def test_a_body_passes_through_as_it_came_and_no_sooner_than_it_is_asked_for() -> None:
    """Of an upload nothing is read along, and nothing ahead of the app."""
    pieces = [request_part(b"a" * 70_000, more=True), request_part(b"b", more=True), request_part(b"c")]
    got: list[Message] = []
    left: list[int] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        for _ in pieces:
            got.append(await receive())
            left.append(len(caller.messages))
            await asyncio.sleep(0.01)
        await send(response_start())
        await send(response_part())

    caller = ScriptedCaller(pieces)
    judge = RecordingAuditor()
    asked = request_scope("/v1/files", method="POST")
    asyncio.run(with_audit_middleware(app, judge)(asked, caller.receive, caller.send))
    assert (got, left) == (pieces, [2, 1, 0])


@pytest.mark.usefixtures("_listen_immediately")
def test_a_hang_up_is_heard_while_the_app_does_not_listen() -> None:
    """At once, and with the time of it; what is answered later reaches nobody."""
    judge = RecordingAuditor()
    received, go_on = asyncio.Event(), asyncio.Event()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == EMPTY_BODY
        received.set()
        await go_on.wait()
        await send(response_start())
        await send(response_part(JOB_ANSWER))
        assert await receive() == DISCONNECT

    async def leave(caller: ScriptedCaller) -> None:
        await received.wait()
        judge.seconds = 5.0
        caller.disconnect()
        while not judge.exchanges:  # noqa: ASYNC110  the exchange is told of by the loop
            await asyncio.sleep(0)
        judge.seconds = 7.0
        go_on.set()

    exchange = record_exchange(app, auditor=judge, meanwhile=leave)
    assert (exchange.outcome, exchange.ended_at, exchange.longest_silence) == (Outcome.DISCONNECTED, 5.0, 5.0)


def test_who_has_hung_up_before_a_slow_answer_is_found_gone() -> None:
    """Where nobody has listened yet; a server would lose the answer without a word."""
    judge = RecordingAuditor()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == EMPTY_BODY
        caller_is_gone.set()
        await asyncio.sleep(0)
        judge.seconds = 0.06
        await send(response_start())
        await send(response_part(JOB_ANSWER))

    caller_is_gone = asyncio.Event()

    async def leave(caller: ScriptedCaller) -> None:
        await caller_is_gone.wait()
        caller.disconnect()

    exchange = record_exchange(app, auditor=judge, meanwhile=leave)
    assert (exchange.outcome, exchange.longest_silence) == (
        Outcome.DISCONNECTED,
        0.0,
    )  # for how long it waited is not known


@pytest.mark.usefixtures("_listen_immediately")
def test_a_hang_up_is_heard_before_the_app_has_asked_for_anything() -> None:
    """A fault that stalls at the door; the request's body waits for the app."""
    judge = RecordingAuditor()
    go_on = asyncio.Event()
    sent = request_part(b'{"training_file":"f"}')

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        await go_on.wait()
        assert [await receive(), await receive()] == [sent, DISCONNECT]

    async def leave(caller: ScriptedCaller) -> None:
        caller.disconnect()
        while not judge.exchanges:  # noqa: ASYNC110  as above
            await asyncio.sleep(0)
        go_on.set()

    exchange = record_exchange(
        app, request_scope("/v1/fine_tuning/jobs", method="POST"), auditor=judge, messages=[sent], meanwhile=leave
    )
    assert exchange.outcome is Outcome.DISCONNECTED


@pytest.mark.parametrize("pieces", [[CREATE_JOB_BODY], [CREATE_JOB_BODY[:7], CREATE_JOB_BODY[7:]]])
def test_an_order_is_known_where_the_app_never_asks_for_it(pieces: list[bytes]) -> None:
    """A connection that is dropped before the work is done, as the caller knows nothing of."""
    says = [request_part(part, more=place < len(pieces)) for place, part in enumerate(pieces, start=1)]
    exchange = record_exchange(app_answering(), request_scope("/v1/fine_tuning/jobs", method="POST"), messages=says)
    assert (exchange.outcome, exchange.request) == (
        Outcome.NO_ANSWER,
        reading.parse_request("POST", "/v1/fine_tuning/jobs", b"", CREATE_JOB_BODY),
    )


def test_an_order_that_was_read_ahead_reaches_the_app_all_the_same() -> None:
    """As it came; one that is too large is let through."""
    for says in (
        [request_part(CREATE_JOB_BODY)],
        [request_part(b"x" * 40_000, more=True), request_part(b"x" * 40_000, more=True), request_part(b"x")],
    ):
        got: list[Message] = []

        async def app(
            _scope: Scope, receive: Receive, send: Send, *, got: list[Message] = got, count: int = len(says)
        ) -> None:
            got.extend([await receive() for _ in range(count)])
            await send(response_start())
            await send(response_part())

        record_exchange(app, request_scope("/v1/fine_tuning/jobs", method="POST"), messages=says)
        assert got == says


def test_a_body_that_was_not_read_is_not_taken_for_none() -> None:
    """Two chats that are refused at the door need not be the same."""
    assert (
        record_exchange(
            app_answering(response_start(429), response_part()), request_scope("/v1/chat/completions", method="POST")
        ).request.fingerprint
        is None
    )


@pytest.mark.usefixtures("_listen_immediately")
@pytest.mark.parametrize("path", ["/v1/fine_tuning/jobs", "/v1/chat/completions", "/v1/files"])
def test_two_never_receive_at_once(path: str) -> None:
    """Each would get a part of the body."""
    pieces = [request_part(b"a", more=True), request_part(b"b", more=True), request_part(b"c")]
    most = 0
    got: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        for _ in pieces:
            await asyncio.sleep(0.01)
            got.append(await receive())
        await send(response_start())
        await send(response_part())

    async def count(caller: ScriptedCaller) -> None:
        nonlocal most
        while len(got) < len(pieces):
            most = max(most, caller.pending_receives)
            await asyncio.sleep(0)

    record_exchange(app, request_scope(path, method="POST"), messages=pieces, meanwhile=count)
    assert (got, most) == (pieces, 1)


@pytest.mark.usefixtures("_listen_immediately")
def test_an_app_that_listens_hears_the_hang_up_itself() -> None:
    """As a stream does; it is told of all the same."""
    received = asyncio.Event()

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        assert await receive() == EMPTY_BODY
        received.set()
        assert await receive() == DISCONNECT

    async def leave(caller: ScriptedCaller) -> None:
        await received.wait()
        caller.disconnect()

    assert record_exchange(app, meanwhile=leave).outcome is Outcome.DISCONNECTED


def test_the_time_that_the_caller_takes_to_send_is_no_silence() -> None:
    """A slow upload, and a slow reader."""
    judge = RecordingAuditor()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(response_start())
        await send(response_part())

    async def go() -> None:
        caller = ScriptedCaller()

        async def receive() -> Message:
            judge.seconds += 100 if caller.messages else 0
            return await caller.receive()

        async def send(_message: Message) -> None:
            judge.seconds += 1_000

        await with_audit_middleware(app, judge)(request_scope("/v1/files", method="POST"), receive, send)

    asyncio.run(go())
    (exchange,) = judge.exchanges
    assert exchange.longest_silence == 0


def test_a_second_request_on_a_connection_is_no_first_one() -> None:
    """Until so many others have come that it is forgotten."""
    judge = RecordingAuditor()
    app = with_audit_middleware(app_answering(response_start(), response_part()), judge)

    async def go() -> None:
        for port in (1, 2, 1, 1):
            caller = ScriptedCaller()
            await app(request_scope(client=("127.0.0.1", port)), caller.receive, caller.send)

    asyncio.run(go())
    assert [exchange.is_first for exchange in judge.exchanges] == [True, True, False, False]


def test_what_was_under_way_when_the_judge_began_anew_is_not_judged() -> None:
    """It began in another story."""
    judge = RecordingAuditor()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        judge.reset()
        await send(response_start())
        await send(response_part())

    caller_heard: list[Message] = []

    async def go() -> None:
        caller = ScriptedCaller()
        await with_audit_middleware(app, judge)(request_scope(), caller.receive, caller.send)
        caller_heard.extend(caller.sent)

    asyncio.run(go())
    assert (judge.exchanges, caller_heard) == ([], [response_start(), response_part()])


def test_what_is_under_way_at_the_verdict_counts_with_its_age() -> None:
    """It may never be answered."""
    judge = RecordingAuditor()
    found = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        judge.seconds = 700.0
        verdict = judge.verdict()
        found.append((verdict.seen.under_way, verdict.seen.longest_silence, verdict.findings[0].shown[0].what))

    record_exchange(app, auditor=judge)
    assert found == [(1, 700.0, "waited for 700 s, in which nothing came")]
