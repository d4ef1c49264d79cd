"""Clients to judge: what they ask and are told, as exchanges on a clock that stands still unless a test moves it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.settings import VerdictSettings
from simulator.verdict import exchange_parser as reading
from simulator.verdict.auditor import Auditor, Verdict
from simulator.verdict.exchange import EMPTY_ANSWER, Exchange, Outcome, ParsedAnswer, ParsedRequest

JOB = "ftjob-1"
MODEL = "openai.gpt-oss-20b"
ANSWER_SECONDS = 0.01  # seconds, for an answer


@dataclass(slots=True, kw_only=True)
class FakeServerState:
    """What is really so: statuses by job, the ids of events and checkpoints, newest first, and files' contents."""

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
        """Return what stands for a file's bytes."""
        return self.file_digests.get(file_id)


class AuditScenario:
    """A judge, a clock, and what is really so."""

    def __init__(self, **settings: Any) -> None:
        self.now = 0.0
        self.server_state = FakeServerState()
        self.settings = VerdictSettings(**settings)
        self.auditor = Auditor(settings=self.settings, clock=lambda: self.now, server_state=self.server_state)

    def client(self, name: str = "one") -> "ScriptedClient":
        """Return a client that nobody has heard of."""
        return ScriptedClient(self, name)

    def verdict(self, *, is_final: bool = True, exit_code: int | None = None) -> Verdict:
        """Return the verdict at this moment."""
        return self.auditor.verdict(is_final=is_final, exit_code=exit_code)

    def severity_by_rule(self, *, is_final: bool = True, exit_code: int | None = None) -> dict[str, str]:
        """Return what is found, as the severity of each rule."""
        findings = self.verdict(is_final=is_final, exit_code=exit_code).findings
        return {finding.rule: finding.severity.value for finding in findings}


class ScriptedClient:
    """One program: it keeps its connection until it is told to take another."""

    def __init__(self, scenario: AuditScenario, name: str) -> None:
        self.scenario = scenario
        self.name = name
        self.record: Callable[[Exchange], None] = scenario.auditor.record
        self.key = b"key"
        self.is_named = False
        self._connections = 0
        self._fresh = True

    def reconnect(self) -> None:
        """Make the next request on a connection of its own."""
        self._connections += 1
        self._fresh = True

    def pause(self, seconds: float) -> None:
        """Let time go by."""
        self.scenario.now += seconds

    def parse_request(self, method: str, path: str, *, query: str = "", body: bytes = b"") -> ParsedRequest:
        """Return a request as the watch reads it."""
        return reading.parse_request(method, path, query.encode(), body)

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
        """Return an exchange of this client's, on its connection."""
        connection = f"{self.name}:{self._connections}"
        is_first, self._fresh = self._fresh, False
        return Exchange(
            client=self.name,
            key_digest=self.key,
            is_named=self.is_named,
            connection=connection,
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
        **answer: Any,
    ) -> Exchange:
        """Ask, and be answered after `seconds` seconds; `body` may be a JSON value, `tells` is that of a good answer."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        asked = self.parse_request(method, path, query=query, body=sent)
        began = self.scenario.now
        self.pause(seconds)
        tells = answer.pop("tells", None)
        told = (
            EMPTY_ANSWER
            if tells is None
            else reading.parse_answer(asked.operation, json.dumps(tells, separators=(",", ":")).encode())
        )
        settled = self.make_exchange(asked, started_at=began, ended_at=self.scenario.now, answer=told, **answer)
        self.record(settled)
        return settled

    def create_job(
        self, job_id: str = JOB, *, file: str = "file-1", metadata: Mapping[str, str] | None = None, **answer: Any
    ) -> Exchange:
        """Ask for a job; when a whole answer comes it tells of `job_id`."""
        body = {"model": MODEL, "training_file": file, "metadata": metadata}
        if not answer:
            answer = {"tells": job_object(job_id, "validating_files", training_file=file, metadata=metadata)}
        return self.send("POST", "/v1/fine_tuning/jobs", body=body, **answer)

    def retrieve_job(self, status: str, job_id: str = JOB) -> Exchange:
        """Retrieve a job, and be shown its status."""
        return self.send("GET", f"/v1/fine_tuning/jobs/{job_id}", tells=job_object(job_id, status))

    def fail_to_retrieve_job(self, job_id: str = JOB, **answer: Any) -> Exchange:
        """Retrieve a job, and be shown nothing."""
        return self.send("GET", f"/v1/fine_tuning/jobs/{job_id}", **answer)

    def list_jobs(self, *jobs: dict[str, Any], has_more: bool = False, query: str = "limit=100") -> Exchange:
        """List jobs."""
        return self.send("GET", "/v1/fine_tuning/jobs", query=query, tells={"data": list(jobs), "has_more": has_more})

    def list_page(
        self, resource: str, ids: Sequence[str], *, has_more: bool, query: str = "", job_id: str = JOB
    ) -> Exchange:
        """Read a page of a job's events or checkpoints."""
        tells = {"data": [{"id": name} for name in ids], "has_more": has_more}
        return self.send("GET", f"/v1/fine_tuning/jobs/{job_id}/{resource}", query=query, tells=tells)

    def invoke_model(self, model: str | None, *, status: int = 200) -> Exchange:
        """Ask a model."""
        return self.send("POST", "/v1/chat/completions", body={"messages": [], "model": model}, status=status)


def job_object(
    job_id: str, status: str, *, training_file: str = "file-1", metadata: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a job as the API shows it, as far as a rule cares."""
    return {"id": job_id, "metadata": metadata, "status": status, "training_file": training_file}
