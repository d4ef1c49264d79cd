"""The rollouts that a job has had graded: JSON lines, from a file or a running simulator."""

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

_TIMEOUT_SECONDS: Final = 60.0  # seconds: a job's story is told again before its first line goes out
_SHOWN: Final = 120  # characters of an answer that a message repeats


class StoredRolloutsError(Exception):
    """There are no rollouts to be had, or one cannot be read; the message says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRollout:
    """A rollout that was graded.

    Attributes:
        id: the one that the reward function saw.
        split: "train" or "held_out".
        step: that sampled it; 0 is the evaluation before any training.
        index: its place in the record's group, from 0.
        response: the final answer.
        reasoning: the thinking.
        reward: what it earned then.
        correct: hidden truth: whether its answer is right.
        exploit: hidden truth: which exploit it is, if any.
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
    """Return the JSON lines of a job of the simulator at a URL.

    Raises:
        StoredRolloutsError: no simulator is there, it does not know the job, or it cannot tell its story again.
    """
    parts = urlsplit(simulator)
    host, port = parts.hostname or "", parts.port or 80
    region, doubt = discover_region(host, port)
    if region is None:
        raise StoredRolloutsError(
            f"{job} is no file here, so it names a job, and no simulator can be asked: {doubt}. Start it with "
            "`rft-sim serve` on the same --data, or name a file that --save has written."
        )
    try:
        with closing(HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)) as connection:  # by way of no proxy
            connection.request("GET", f"/_simulator/jobs/{quote(job, safe='')}/rollouts")
            answer = connection.getresponse()
            said = answer.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        raise StoredRolloutsError(
            f"the simulator at {simulator} broke off while it told of {job}: {str(error) or type(error).__name__}. "
            "A job can be told again under the settings that it ran under; the simulator's own log says more."
        ) from None
    if answer.status == HTTPStatus.NOT_FOUND:
        raise StoredRolloutsError(f"the simulator at {simulator} knows no job {job}: `rft jobs` lists them.")
    if answer.status != HTTPStatus.OK:
        raise StoredRolloutsError(f"the simulator at {simulator} answered {answer.status}: {said[:_SHOWN]}")
    return said


def parse_rollouts(text: str, *, source: str) -> tuple[StoredRollout, ...]:
    """Read JSON lines as `/_simulator/jobs/{id}/rollouts` gives them; `source` is where messages say they are from.

    Raises:
        StoredRolloutsError: for the first line that is no rollout, or when there is none.
    """
    known: dict[str, Record] = {}
    rollouts = []
    # No other character than \n ends a line: JSON may hold U+2028 as it stands.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                rollouts.append(_rollout(line, known))
            except ValueError as error:
                raise StoredRolloutsError(f"{source}, line {number}: {error}") from None
    if not rollouts:
        raise StoredRolloutsError(f"{source} holds no rollout: nothing was graded yet.")
    if twice := _find_duplicate(rollouts):
        raise StoredRolloutsError(f"{source}: the rollout {twice} is there twice; give the rollouts of one job.")
    return tuple(rollouts)


def _rollout(line: str, known: dict[str, Record]) -> StoredRollout:
    try:
        read = _LINE.validate_python(json.loads(line))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(
            f"{'.'.join(map(str, first['loc'])) or 'the value'}: {first['msg'].lower()}. "
            "Expected a rollout as `rft-sim regrade JOB --save FILE` writes it"
        ) from None
    return StoredRollout(
        id=read.id,
        split=read.split,
        step=read.step,
        record=_record(read.record, read.line, known),
        index=read.index,
        response=read.response,
        reasoning=read.reasoning,
        reward=read.reward,
        correct=read.correct,
        exploit=read.exploit,
    )


def _record(value: dict[str, Any], line: int, known: dict[str, Record]) -> Record:
    """Return the record, checked as one of a training file; alike ones, as the rollouts of a group have, are one."""
    text = json.dumps(value)
    if text not in known:
        try:
            known[text] = read_records(io.BytesIO(text.encode()), DatasetLimits(min_records=1))[0]
        except DatasetError as error:
            raise ValueError(f"record: {error.reason}") from None
    record = known[text]
    if record.line != line:
        record = known[text] = replace(record, line=line)
    return record


def _find_duplicate(rollouts: Iterable[StoredRollout]) -> str | None:
    seen: set[str] = set()
    for rollout in rollouts:
        if rollout.id in seen:
            return rollout.id
        seen.add(rollout.id)
    return None
