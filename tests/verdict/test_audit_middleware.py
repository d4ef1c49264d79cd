"""The audit middleware records what the client sees of an exchange, and changes nothing."""

import asyncio
from typing import Any

import pytest

from simulator.http.asgi import CLOSE_CONNECTION, App, Message, Receive, Scope, Send
from simulator.verdict.exchange import Exchange, JobView, Operation, Outcome, ParsedAnswer, ParsedRequest
from simulator.verdict.request_parser import parse_request
from tests.verdict.audit_scenario import JOB_PATH, JOBS_PATH
from tests.verdict.middleware_harness import (
    DISCONNECT,
    EMPTY_BODY,
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
OK = (response_start(), response_part())


def test_an_exchange_has_the_request_and_the_answer() -> None:
    """The job's metadata may contain the same keys as the job."""
    auditor = RecordingAuditor()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        auditor.seconds = 1.0
        await send(response_start())
        auditor.seconds = 1.5
        await send(response_part(JOB_ANSWER[:20], more=True))
        auditor.seconds = 1.75
        await send(response_part(JOB_ANSWER[20:]))
        auditor.seconds = 9.0

    exchange = record_exchange(app, auditor=auditor)
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


@pytest.mark.parametrize(
    ("app", "outcome", "status"),
    [
        (app_answering(), Outcome.NO_ANSWER, None),
        (app_answering(response_start()), Outcome.CUT_OFF, 200),
        (app_answering(response_start(), response_part(JOB_ANSWER, more=True)), Outcome.CUT_OFF, 200),
        (app_answering(response_start(500), response_part()), Outcome.ANSWERED, 500),
    ],
)
def test_an_answer_is_complete_or_cut_off_or_missing(app: App, outcome: Outcome, status: int | None) -> None:
    """Only a complete and successful one is parsed."""
    exchange = record_exchange(app)
    assert (exchange.outcome, exchange.status, exchange.answer) == (outcome, status, ParsedAnswer())


@pytest.mark.parametrize(
    ("messages", "outcome"),
    [((), Outcome.NO_ANSWER), ((response_start(), response_part(JOB_ANSWER[:20], more=True)), Outcome.CUT_OFF)],
)
def test_an_exception_passes_through_and_the_exchange_is_recorded(
    messages: tuple[Message, ...], outcome: Outcome
) -> None:
    """The server closes the connection for it."""
    auditor = RecordingAuditor()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await app_answering(*messages)(scope, receive, send)
        raise ConnectionError

    with pytest.raises(ExceptionGroup) as exc_info:
        record_exchange(app, auditor=auditor)
    assert isinstance(exc_info.value.exceptions[0], ConnectionError)
    assert [exchange.outcome for exchange in auditor.exchanges] == [outcome]


@pytest.mark.parametrize(
    ("messages", "outcome"),
    [([], Outcome.NO_ANSWER), ([response_start(), response_part(JOB_ANSWER, more=True)], Outcome.CUT_OFF)],
)
def test_a_connection_that_the_simulator_closes_is_no_disconnect_of_the_client(
    messages: list[Message], outcome: Outcome
) -> None:
    """A scripted fault drops the connection, and then receives the disconnect."""
    auditor = RecordingAuditor()
    closed: list[ScriptedCaller] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await app_answering(*messages)(scope, receive, send)
        scope["extensions"][CLOSE_CONNECTION]()
        while await receive() != DISCONNECT:
            pass

    async def run() -> None:
        caller = ScriptedCaller()

        def close() -> None:
            closed.append(caller)
            caller.disconnect()

        request = request_scope(extensions={CLOSE_CONNECTION: close})
        await with_audit_middleware(app, auditor)(request, caller.receive, caller.send)

    asyncio.run(run())
    assert ([exchange.outcome for exchange in auditor.exchanges], len(closed)) == ([outcome], 1)


def test_retry_after_is_recorded() -> None:
    """From an answer that is an error."""
    answer = (response_start(429, (b"retry-after", b"Wed, 21 Oct 2026 13:02:00 GMT")), response_part())
    assert record_exchange(app_answering(*answer)).retry_after == 120.0


@pytest.mark.parametrize("path", ["/_simulator/health", "/", "/bucket/v1/key", "/2015-03-31/functions/f/invocations"])
def test_only_the_openai_compatible_api_is_audited(path: str) -> None:
    """Not the control plane, S3, Lambda and IAM."""
    auditor, caller = RecordingAuditor(), ScriptedCaller()
    asyncio.run(with_audit_middleware(app_answering(*OK), auditor)(request_scope(path), caller.receive, caller.send))
    assert (auditor.exchanges, caller.received) == ([], list(OK))


@pytest.mark.parametrize("parts", [[CREATE_JOB_BODY], [CREATE_JOB_BODY[:7], CREATE_JOB_BODY[7:]]])
def test_a_job_creation_is_known_even_if_the_app_never_reads_it(parts: list[bytes]) -> None:
    """A fault drops the connection before the app runs, which the client cannot know."""
    messages = [request_part(part, more=number < len(parts)) for number, part in enumerate(parts, start=1)]
    exchange = record_exchange(app_answering(), request_scope(JOBS_PATH, method="POST"), messages=messages)
    request = parse_request("POST", JOBS_PATH, b"", CREATE_JOB_BODY)
    assert (exchange.outcome, exchange.request) == (Outcome.NO_ANSWER, request)


def test_a_body_that_the_app_does_not_read_has_no_fingerprint() -> None:
    """Two chats that a fault refuses may differ."""
    app = app_answering(response_start(429), response_part())
    assert record_exchange(app, request_scope("/v1/chat/completions", method="POST")).request.fingerprint is None


def test_the_time_that_the_client_takes_is_no_silence() -> None:
    """To send the body, and to read the answer."""
    auditor = RecordingAuditor()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for message in OK:
            await send(message)

    async def run() -> None:
        caller = ScriptedCaller()

        async def receive() -> Message:
            auditor.seconds += 100 if caller.messages else 0
            return await caller.receive()

        async def send(_message: Message) -> None:
            auditor.seconds += 1_000

        await with_audit_middleware(app, auditor)(request_scope("/v1/files", method="POST"), receive, send)

    asyncio.run(run())
    (exchange,) = auditor.exchanges
    assert exchange.longest_silence == 0


def test_only_the_first_request_of_a_connection_is_first() -> None:
    """A connection is a client's address and port."""
    auditor = RecordingAuditor()
    app = with_audit_middleware(app_answering(*OK), auditor)

    async def run() -> None:
        for port in (1, 2, 1, 1):
            caller = ScriptedCaller()
            await app(request_scope(client=("127.0.0.1", port)), caller.receive, caller.send)

    asyncio.run(run())
    assert [exchange.is_first for exchange in auditor.exchanges] == [True, True, False, False]


def test_an_exchange_in_progress_at_a_reset_is_ignored() -> None:
    """Its answer still reaches the client."""
    auditor, caller = RecordingAuditor(), ScriptedCaller()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        auditor.reset()
        await app_answering(*OK)(scope, receive, send)

    asyncio.run(with_audit_middleware(app, auditor)(request_scope(), caller.receive, caller.send))
    assert (auditor.exchanges, caller.received) == ([], list(OK))


def test_an_exchange_in_progress_counts_with_its_silence_so_far() -> None:
    """The answer may never come."""
    auditor = RecordingAuditor()
    results: list[Any] = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        auditor.seconds = 700.0
        verdict = auditor.verdict()
        results.append((verdict.seen.under_way, verdict.seen.longest_silence, verdict.findings[0].shown[0].what))

    record_exchange(app, auditor=auditor)
    assert results == [(1, 700.0, "waited for 700 s and received nothing")]


def test_a_client_that_disconnects_before_a_slow_answer_does_not_get_it() -> None:
    """The middleware does not listen yet, so it does not know how long the client waited."""
    auditor = RecordingAuditor()
    app_has_received = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == EMPTY_BODY
        app_has_received.set()
        await asyncio.sleep(0)
        auditor.seconds = 0.06
        await app_answering(response_start(), response_part(JOB_ANSWER))(scope, receive, send)

    async def disconnect(caller: ScriptedCaller) -> None:
        await app_has_received.wait()
        caller.disconnect()

    exchange = record_exchange(app, auditor=auditor, meanwhile=disconnect)
    assert (exchange.outcome, exchange.longest_silence) == (Outcome.DISCONNECTED, 0.0)
