"""Clients to judge: what they ask and are told, as exchanges on a clock that stands still unless a test moves it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.settings import VerdictSettings
from simulator.verdict import exchange_parser as reading
from simulator.verdict.auditor import Judge, Verdict
from simulator.verdict.exchange import NOTHING, Asked, Exchange, Outcome, Told

JOB = "ftjob-1"
MODEL = "openai.gpt-oss-20b"
TAKES = 0.01  # seconds, for an answer


@dataclass(slots=True, kw_only=True)
class Jobs:
    """What is really so: statuses by job, the ids of events and checkpoints, newest first, and files' contents."""

    statuses: dict[str, str] = field(default_factory=dict)
    listed_events: dict[str, Sequence[str]] = field(default_factory=dict)
    listed_checkpoints: dict[str, Sequence[str]] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)

    def status(self, job: str) -> str | None:
        """Return a job's status."""
        return self.statuses.get(job)

    def events(self, job: str) -> Sequence[str]:
        """Return the ids of its events."""
        return self.listed_events.get(job, ())

    def checkpoints(self, job: str) -> Sequence[str]:
        """Return the ids of its checkpoints."""
        return self.listed_checkpoints.get(job, ())

    def content(self, file: str) -> str | None:
        """Return what stands for a file's bytes."""
        return self.contents.get(file)


class Stage:
    """A judge, a clock, and what is really so."""

    def __init__(self, **settings: Any) -> None:
        self.now = 0.0
        self.jobs = Jobs()
        self.settings = VerdictSettings(**settings)
        self.judge = Judge(settings=self.settings, clock=lambda: self.now, truth=self.jobs)

    def client(self, name: str = "one") -> "Client":
        """Return a client that nobody has heard of."""
        return Client(self, name)

    def verdict(self, *, is_end: bool = True, exit_code: int | None = None) -> Verdict:
        """Return the verdict at this moment."""
        return self.judge.verdict(is_end=is_end, exit_code=exit_code)

    def found(self, *, is_end: bool = True, exit_code: int | None = None) -> dict[str, str]:
        """Return what is found, as the severity of each rule."""
        findings = self.verdict(is_end=is_end, exit_code=exit_code).findings
        return {finding.rule: finding.severity.value for finding in findings}


class Client:
    """One program: it keeps its connection until it is told to take another."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.name = name
        self.tell: Callable[[Exchange], None] = stage.judge.take
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
        self.stage.now += seconds

    def asked(self, method: str, path: str, *, query: str = "", body: bytes = b"") -> Asked:
        """Return a request as the watch reads it."""
        return reading.asked(method, path, query.encode(), body)

    def exchange(
        self,
        asked: Asked,
        *,
        began: float,
        ended: float,
        outcome: Outcome = Outcome.ANSWERED,
        status: int | None = 200,
        retry_after: float | None = None,
        told: Told = NOTHING,
        silence: float | None = None,
    ) -> Exchange:
        """Return an exchange of this client's, on its connection."""
        connection = f"{self.name}:{self._connections}"
        is_first, self._fresh = self._fresh, False
        return Exchange(
            client=self.name,
            key=self.key,
            is_named=self.is_named,
            connection=connection,
            is_first=is_first,
            asked=asked,
            began=began,
            ended=ended,
            silence=ended - began if silence is None else silence,
            outcome=outcome,
            status=status,
            retry_after=retry_after,
            told=told,
        )

    def ask(
        self, method: str, path: str, *, query: str = "", body: Any = b"", takes: float = TAKES, **answer: Any
    ) -> Exchange:
        """Ask, and be answered after `takes` seconds; `body` may be a JSON value, `tells` is that of a good answer."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        asked = self.asked(method, path, query=query, body=sent)
        began = self.stage.now
        self.pause(takes)
        tells = answer.pop("tells", None)
        told = (
            NOTHING
            if tells is None
            else reading.told(asked.operation, json.dumps(tells, separators=(",", ":")).encode())
        )
        settled = self.exchange(asked, began=began, ended=self.stage.now, told=told, **answer)
        self.tell(settled)
        return settled

    def create(
        self, job: str = JOB, *, file: str = "file-1", metadata: Mapping[str, str] | None = None, **answer: Any
    ) -> Exchange:
        """Ask for a job; when a whole answer comes it tells of `job`."""
        body = {"model": MODEL, "training_file": file, "metadata": metadata}
        if not answer:
            answer = {"tells": shown(job, "validating_files", file=file, metadata=metadata)}
        return self.ask("POST", "/v1/fine_tuning/jobs", body=body, **answer)

    def look(self, status: str, job: str = JOB) -> Exchange:
        """Retrieve a job, and be shown its status."""
        return self.ask("GET", f"/v1/fine_tuning/jobs/{job}", tells=shown(job, status))

    def look_in_vain(self, job: str = JOB, **answer: Any) -> Exchange:
        """Retrieve a job, and be shown nothing."""
        return self.ask("GET", f"/v1/fine_tuning/jobs/{job}", **answer)

    def list_jobs(self, *jobs: dict[str, Any], has_more: bool = False, query: str = "limit=100") -> Exchange:
        """List jobs."""
        return self.ask("GET", "/v1/fine_tuning/jobs", query=query, tells={"data": list(jobs), "has_more": has_more})

    def page(self, what: str, ids: Sequence[str], *, has_more: bool, query: str = "", job: str = JOB) -> Exchange:
        """Read a page of a job's events or checkpoints."""
        tells = {"data": [{"id": name} for name in ids], "has_more": has_more}
        return self.ask("GET", f"/v1/fine_tuning/jobs/{job}/{what}", query=query, tells=tells)

    def chat(self, model: str | None, *, status: int = 200) -> Exchange:
        """Ask a model."""
        return self.ask("POST", "/v1/chat/completions", body={"messages": [], "model": model}, status=status)


def shown(job: str, status: str, *, file: str = "file-1", metadata: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a job as the API shows it, as far as a rule cares."""
    return {"id": job, "metadata": metadata, "status": status, "training_file": file}
