"""Reads the graded rollouts of a job: JSON lines, from a file or a running simulator."""

import io
import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any, Final
from urllib.parse import quote, urlsplit

from pydantic import TypeAdapter, ValidationError

from simulator.http.server_discovery import discover_region
from simulator.training.dataset import DatasetError, DatasetLimits, Record, read_records

_TIMEOUT_SECONDS: Final = 60.0  # the simulator runs a job again before it sends the first line
_MAX_EXCERPT: Final = 120  # characters of a response in a message


class StoredRolloutsError(Exception):
    """There are no rollouts, or one is invalid. The message says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRollout:
    """A graded rollout.

    Attributes:
        id: the id that the reward function received.
        split: "train" or "held_out".
        step: the step that sampled it. 0 is the evaluation before training.
        index: its index in the record's group, from 0.
        response: the response without its reasoning.
        reasoning: the reasoning.
        reward: its reward in the job.
        correct: whether its answer is right. The reward function does not know this.
        exploit: the exploit that the response uses, if any. The reward function does not know this.
    """

    id: str
    split: str
    step: int
    record: Record
    index: int
    response: str
    reasoning: str
    reward: float
    correct: bool
    exploit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RolloutLine:
    id: str
    split: str
    step: int
    line: int
    index: int
    record: dict[str, Any]
    response: str
    reasoning: str
    reward: float
    correct: bool
    exploit: str | None


_LINE: Final = TypeAdapter(_RolloutLine)


def fetch_rollouts(job: str, *, simulator: str) -> str:
    """Return the rollouts of a job as JSON lines. `simulator` is the URL of the simulator that has the job.

    Raises:
        StoredRolloutsError: no simulator runs at the URL, or it does not have the job or cannot run it again.
    """
    parts = urlsplit(simulator)
    host, port = parts.hostname or "", parts.port or 80
    region, problem = discover_region(host, port)
    if region is None:
        raise StoredRolloutsError(
            f"there is no file {job}. If it is the id of a job, its simulator must run, but {problem}. Start the "
            "simulator with `rft-sim serve` and the --data of the job, or pass a file that was written with --save."
        )
    try:
        with closing(HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)) as connection:  # without a proxy
            connection.request("GET", f"/_simulator/jobs/{quote(job, safe='')}/rollouts")
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        raise StoredRolloutsError(
            f"the simulator at {simulator} stopped while it sent the rollouts of {job}: "
            f"{str(error) or type(error).__name__}. To produce the rollouts, the simulator runs the job again and "
            "needs the settings of the job. Read the simulator's log for the error."
        ) from None
    if response.status == HTTPStatus.NOT_FOUND:
        raise StoredRolloutsError(f"the simulator at {simulator} has no job {job}. `rft jobs` lists the jobs.")
    if response.status != HTTPStatus.OK:
        hint = response.getheader("x-simulator-hint")
        raise StoredRolloutsError(
            f"the simulator at {simulator} answered with status {response.status}: {_error_message(text)}"
            + (f" {hint[0].upper()}{hint[1:]}." if hint else "")
        )
    return text


def _error_message(text: str) -> str:
    """Return the message of an error of the API, or the beginning of another text."""
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return text[:_MAX_EXCERPT]


def parse_rollouts(text: str, *, source: str) -> tuple[StoredRollout, ...]:
    """Parse the JSON lines of `/_simulator/jobs/{id}/rollouts`. Error messages name the `source`.

    Raises:
        StoredRolloutsError: a line is not a rollout, or the text has no lines.
    """
    records: dict[str, Record] = {}
    rollouts = []
    # Only \n ends a line, because JSON may contain U+2028 unescaped.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                rollouts.append(_parse_rollout(line, records))
            except ValueError as error:
                raise StoredRolloutsError(f"{source}, line {number}: {error}") from None
    if not rollouts:
        raise StoredRolloutsError(f"{source} contains no rollout: no rollout is graded yet.")
    if duplicate := _find_duplicate(rollouts):
        raise StoredRolloutsError(
            f"{source} contains the rollout {duplicate} twice. Pass the rollouts of one job only."
        )
    return tuple(rollouts)


def _parse_rollout(line: str, records: dict[str, Record]) -> StoredRollout:
    try:
        parsed = _LINE.validate_python(json.loads(line))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(
            f"{'.'.join(map(str, first['loc'])) or 'the value'}: {first['msg'].lower()}. "
            "Each line must be a rollout from `rft-sim regrade JOB --save FILE`"
        ) from None
    return StoredRollout(
        id=parsed.id,
        split=parsed.split,
        step=parsed.step,
        record=_read_record(parsed.record, parsed.line, records),
        index=parsed.index,
        response=parsed.response,
        reasoning=parsed.reasoning,
        reward=parsed.reward,
        correct=parsed.correct,
        exploit=parsed.exploit,
    )


def _read_record(value: dict[str, Any], line: int, records: dict[str, Record]) -> Record:
    """Check the record like a line of a training file, and return it. `records` caches the records of earlier lines."""
    text = json.dumps(value)
    if text not in records:
        try:
            records[text] = read_records(io.BytesIO(text.encode()), DatasetLimits(min_records=1))[0]
        except DatasetError as error:
            raise ValueError(f"record: {error.reason}") from None
    record = records[text]
    if record.line != line:
        record = records[text] = replace(record, line=line)
    return record


def _find_duplicate(rollouts: Iterable[StoredRollout]) -> str | None:
    seen: set[str] = set()
    for rollout in rollouts:
        if rollout.id in seen:
            return rollout.id
        seen.add(rollout.id)
    return None
