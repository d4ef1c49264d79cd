"""Scripted clients on a simulated clock, the auditor that records their exchanges, and the server's true state."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.settings import VerdictSettings
from simulator.verdict.answer_parser import parse_answer
from simulator.verdict.auditor import Auditor
from simulator.verdict.case import Case, Finding
from simulator.verdict.exchange import EMPTY_ANSWER, Exchange, Outcome, ParsedAnswer, ParsedRequest
from simulator.verdict.request_parser import parse_request
from simulator.verdict.verdict import Verdict

JOB = "ftjob-1"
JOBS_PATH = "/v1/fine_tuning/jobs"
JOB_PATH = f"{JOBS_PATH}/{JOB}"
MODEL = "openai.gpt-oss-20b"
ANSWER_SECONDS = 0.01


@dataclass(slots=True, kw_only=True)
class FakeServerState:
    """The true state: statuses, event ids and checkpoint ids by job, newest first, and digests by file."""

    statuses: dict[str, str] = field(default_factory=dict)
    listed_events: dict[str, Sequence[str]] = field(default_factory=dict)
    listed_checkpoints: dict[str, Sequence[str]] = field(default_factory=dict)
    file_digests: dict[str, str] = field(default_factory=dict)

    def job_status(self, job_id: str) -> str | None:
        """Return a job's status."""
        return self.statuses.get(job_id)

    def event_ids(self, job_id: str) -> Sequence[str]:
        """Return the ids of its events."""
        return self.listed_events.get(job_id, ())

    def checkpoint_ids(self, job_id: str) -> Sequence[str]:
        """Return the ids of its checkpoints."""
        return self.listed_checkpoints.get(job_id, ())

    def file_digest(self, file_id: str) -> str | None:
        """Return the digest of a file."""
        return self.file_digests.get(file_id)


class AuditScenario:
    """An auditor, a clock and the server's true state. `settings` are those of `VerdictSettings`."""

    def __init__(self, **settings: Any) -> None:
        self.now = 0.0
        self.server_state = FakeServerState()
        self.auditor = Auditor(
            settings=VerdictSettings(**settings), clock=lambda: self.now, server_state=self.server_state
        )

    def client(self, name: str = "one") -> "ScriptedClient":
        """Return a new client."""
        return ScriptedClient(self, name)

    def verdict(self, *, is_final: bool = True, exit_code: int | None = None) -> Verdict:
        """Return the verdict at this moment."""
        return self.auditor.verdict(is_final=is_final, exit_code=exit_code)

    def severity_by_rule(self, *, is_final: bool = True, exit_code: int | None = None) -> dict[str, str]:
        """Return the severity of each finding."""
        findings = self.verdict(is_final=is_final, exit_code=exit_code).findings
        return {finding.rule: finding.severity.value for finding in findings}

    def only_finding(self, *, is_final: bool = True, exit_code: int | None = None) -> Finding:
        """Return the verdict's only finding."""
        (finding,) = self.verdict(is_final=is_final, exit_code=exit_code).findings
        return finding

    def only_case(self, *, is_final: bool = True, exit_code: int | None = None) -> tuple[str, str, Case]:
        """Return the verdict's only case, after its rule and its severity."""
        finding = self.only_finding(is_final=is_final, exit_code=exit_code)
        (case,) = finding.shown
        return finding.rule, case.severity.value, case


class ScriptedClient:
    """One program. It keeps its connection until `reconnect`."""

    def __init__(self, scenario: AuditScenario, name: str) -> None:
        self.scenario = scenario
        self.name = name
        self.record: Callable[[Exchange], None] = scenario.auditor.record
        self.key = b"key"
        self.is_named = False
        self._connection_count = 0
        self._is_new_connection = True

    def reconnect(self) -> None:
        """Send the next request on a new connection."""
        self._connection_count += 1
        self._is_new_connection = True

    def pause(self, seconds: float) -> None:
        """Advance the clock."""
        self.scenario.now += seconds

    def parse_request(self, method: str, path: str, *, query: str = "", body: bytes = b"") -> ParsedRequest:
        """Parse a request as the recorder does."""
        return parse_request(method, path, query.encode(), body)

    def make_exchange(
        self,
        request: ParsedRequest,
        *,
        started_at: float,
        ended_at: float,
        outcome: Outcome = Outcome.ANSWERED,
        status: int | None = 200,
        retry_after: float | None = None,
        answer: ParsedAnswer = EMPTY_ANSWER,
        longest_silence: float | None = None,
    ) -> Exchange:
        """Return an exchange on this client's connection."""
        is_first, self._is_new_connection = self._is_new_connection, False
        return Exchange(
            client=self.name,
            key_digest=self.key,
            is_named=self.is_named,
            connection=f"{self.name}:{self._connection_count}",
            is_first=is_first,
            request=request,
            started_at=started_at,
            ended_at=ended_at,
            longest_silence=ended_at - started_at if longest_silence is None else longest_silence,
            outcome=outcome,
            status=status,
            retry_after=retry_after,
            answer=answer,
        )

    def send(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: Any = b"",
        seconds: float = ANSWER_SECONDS,
        answer_json: Any = None,
        **outcome: Any,
    ) -> Exchange:
        """Record an exchange that takes `seconds`. `body` may be a JSON value; `outcome` as in `make_exchange`."""
        body_bytes = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = self.parse_request(method, path, query=query, body=body_bytes)
        started_at = self.scenario.now
        self.pause(seconds)
        answer = EMPTY_ANSWER
        if answer_json is not None:
            answer = parse_answer(request.operation, json.dumps(answer_json, separators=(",", ":")).encode())
        exchange = self.make_exchange(
            request, started_at=started_at, ended_at=self.scenario.now, answer=answer, **outcome
        )
        self.record(exchange)
        return exchange

    def create_job(
        self, job_id: str = JOB, *, file: str = "file-1", metadata: Mapping[str, str] | None = None, **outcome: Any
    ) -> Exchange:
        """Create a job. Without an `outcome` the answer is the job."""
        body = {"model": MODEL, "training_file": file, "metadata": metadata}
        job = None if outcome else job_object(job_id, "validating_files", training_file=file, metadata=metadata)
        return self.send("POST", JOBS_PATH, body=body, answer_json=job, **outcome)

    def lose_job_creation(self, outcome: Outcome = Outcome.NO_ANSWER, **job: Any) -> Exchange:
        """Create a job and lose the answer."""
        return self.create_job(outcome=outcome, status=None, **job)

    def retrieve_job(self, status: str, job_id: str = JOB) -> Exchange:
        """Retrieve a job and receive its status."""
        return self.send("GET", f"{JOBS_PATH}/{job_id}", answer_json=job_object(job_id, status))

    def fail_to_retrieve_job(self, job_id: str = JOB, **outcome: Any) -> Exchange:
        """Retrieve a job and receive no job."""
        return self.send("GET", f"{JOBS_PATH}/{job_id}", **outcome)

    def list_jobs(self, *jobs: dict[str, Any], has_more: bool = False, query: str = "limit=100") -> Exchange:
        """List jobs."""
        return self.send("GET", JOBS_PATH, query=query, answer_json={"data": list(jobs), "has_more": has_more})

    def list_page(
        self, resource: str, ids: Sequence[str], *, has_more: bool, query: str = "", job_id: str = JOB
    ) -> Exchange:
        """List a page of a job's events or checkpoints."""
        page = {"data": [{"id": element_id} for element_id in ids], "has_more": has_more}
        return self.send("GET", f"{JOBS_PATH}/{job_id}/{resource}", query=query, answer_json=page)

    def list_end_event(self, message: str) -> Exchange:
        """List the job's events, one of which announces its end."""
        page = {"data": [{"id": "e1", "message": message}], "has_more": False}
        return self.send("GET", f"{JOB_PATH}/events", answer_json=page)

    def invoke_model(self, model: str | None, *, status: int = 200) -> Exchange:
        """Call a model."""
        return self.send("POST", "/v1/chat/completions", body={"messages": [], "model": model}, status=status)


def job_object(
    job_id: str, status: str, *, training_file: str = "file-1", metadata: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a job object with the fields that the rules read."""
    return {"id": job_id, "metadata": metadata, "status": status, "training_file": training_file}
