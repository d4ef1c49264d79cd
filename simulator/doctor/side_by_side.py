"""Makes the calls of a slow function side by side, without a change to the probes that need them.

The probes run several times. At first the calls are only collected, and each gets a guess for an answer. The collected
calls are then made at once, in several environments, and the probes run again on the real answers. What they ask next
is collected again, until they ask nothing new. In the last pass every answer is real, and a call that was not made
before is made then.

An answer belongs to the bytes of its event, so a result is the same as that of calls one after the other, if the
function keeps nothing between calls. The first calls show whether it does.
"""

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from statistics import median
from threading import Lock
from typing import Any, Final, TypeAlias

from simulator.doctor.reward_function import LocalRewardFunction, RewardFunction, in_environment
from simulator.doctor.run_budget import BudgetUsedUpError
from simulator.lambdas.compiled_modules import UnloadableModules
from simulator.lambdas.errors import InvocationRejected
from simulator.lambdas.function import FunctionSpec, Invocation

MAX_PASSES: Final = 8
"""The most passes that collect calls. In most runs the third one finds nothing new."""

FIRST_PROBES: Final = ("S1", "S3", "S5", "S9")
"""The probes whose calls are made first: whether the function answers, and pays right answers and no others."""

FIRST_WAVE: Final = 8
"""The number of calls that are made at once at first, to see whether they hinder each other."""

BUSY_FACTOR: Final = 2.0
"""If calls side by side take this many times as long as one alone, fewer are made at once."""

_GENERATION: Final = 1_000  # numbers of environments between two restarts

Guess: TypeAlias = Callable[[bytes], bytes]
"""Returns a likely response of the function to an event."""

_Answer: TypeAlias = Invocation | InvocationRejected
_Key: TypeAlias = tuple[Hashable, int, bytes]


class KeptStateError(Exception):
    """The function gives other scores in another environment, or after another call. It keeps something."""


class TimeOverError(Exception):
    """The time of the doctor run ended during calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingCall:
    """A call that a probe asked for and that was not made yet."""

    key: _Key
    make: Callable[[], Invocation]
    probe: str = ""

    @property
    def event(self) -> bytes:
        """The event."""
        return self.key[2]

    @property
    def first_environment(self) -> int:
        """The number of its first environment. Calls after a restart have fresh ones."""
        return self.key[1] * _GENERATION


@dataclass(slots=True, kw_only=True)
class CallStore:
    """The answers so far, and the calls that a pass asks for.

    Attributes:
        guess: returns a likely response to an event.
        function: what identifies the function itself. Calls of a version of it, such as one with a hook, are not made
            side by side.
        probe: the id of the probe that runs.
        collects: whether an unknown answer is guessed and its call collected. Otherwise the call is made.
        missing: the calls that the pass asked for in vain.
    """

    guess: Guess
    function: Hashable
    probe: str = ""
    collects: bool = True
    missing: list[MissingCall] = field(default_factory=list)
    _answers: dict[_Key, list[_Answer]] = field(default_factory=dict)
    _asked: Counter[_Key] = field(default_factory=Counter)
    _generation: int = 0
    _lock: Lock = field(default_factory=Lock)

    def start_pass(self, *, collects: bool) -> None:
        """Begin to answer from the first call on."""
        self.collects = collects
        self.missing = []
        self._asked.clear()
        self._generation = 0

    def set_probe(self, probe: str) -> None:
        """Let the next calls be those of a probe."""
        self.probe = probe

    def restart(self) -> None:
        """Let the next calls run in fresh environments."""
        self._generation += 1

    def invoke(self, function: Hashable, event: bytes, make: Callable[[], Invocation]) -> Invocation:
        """Return the answer to the next call with this event, or guess it.

        Raises:
            InvocationRejected: the call was not run.
        """
        if function != self.function:
            return _guessed(self.guess(event)) if self.collects else make()
        key = (function, self._generation, event)
        with self._lock:
            answers = self._answers.get(key, [])
            index = self._asked[key]
            self._asked[key] += 1
            answer = answers[index] if index < len(answers) else None
            if answer is None and self.collects:
                self.missing.append(MissingCall(key=key, make=make, probe=self.probe))
        if answer is None:
            return _guessed(self.guess(event)) if self.collects else make()
        if isinstance(answer, InvocationRejected):
            raise answer
        return answer

    def add(self, call: MissingCall, answer: _Answer) -> None:
        """Store the answer to a collected call."""
        self._answers.setdefault(call.key, []).append(answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedLocalFunction(LocalRewardFunction):
    """A function on this machine, whose answers come from a store."""

    store: CallStore

    def invoke(self, event: bytes) -> Invocation:
        """Return the stored answer, or what the store does without one.

        Raises:
            InvocationRejected: see `LocalRewardFunction.invoke`.
            BudgetUsedUpError: likewise.
        """
        if not event.startswith(b"["):  # a question to a hook, which the function does not see
            return LocalRewardFunction.invoke(self, event)
        return self.store.invoke(self.spec.environment_key, event, lambda: LocalRewardFunction.invoke(self, event))

    def restart(self) -> None:
        """Let the next calls run in fresh environments."""
        self.store.restart()
        if not self.store.collects:
            LocalRewardFunction.restart(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedFunction:
    """Any other function, whose answers come from a store."""

    function: RewardFunction
    store: CallStore

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self.function.name

    @property
    def timeout(self) -> float:
        """Its time-out in seconds."""
        return self.function.timeout

    @property
    def memory_mb(self) -> int:
        """Its memory size in MB."""
        return self.function.memory_mb

    @property
    def spec(self) -> FunctionSpec | None:
        """Its package and configuration."""
        return self.function.spec

    @property
    def differences(self) -> tuple[str, ...]:
        """In which ways it runs here in another way than at AWS."""
        return self.function.differences

    def modules_behind_error(self, error_type: str, message: str) -> UnloadableModules | None:
        """Return the compiled modules that may explain an error of the last calls."""
        return self.function.modules_behind_error(error_type, message)

    def invoke(self, event: bytes) -> Invocation:
        """Return the stored answer, or what the store does without one."""
        return self.store.invoke(self.name, event, lambda: self.function.invoke(event))

    def restart(self) -> None:
        """Let the next calls run in fresh environments, where that is possible."""
        self.store.restart()
        self.function.restart()


def key_of(function: RewardFunction) -> Hashable:
    """Return what identifies a function among its versions."""
    return function.name if function.spec is None else function.spec.environment_key


def replayed(function: RewardFunction, store: CallStore) -> RewardFunction:
    """Return a function whose answers come from the store."""
    if isinstance(function, LocalRewardFunction):
        fields = {name: getattr(function, name) for name in LocalRewardFunction.__dataclass_fields__}
        return ReplayedLocalFunction(**fields, store=store)
    return ReplayedFunction(function=function, store=store)


@dataclass(slots=True, kw_only=True)
class SideBySideCalls:
    """Makes collected calls in several environments at once.

    Attributes:
        store: where the answers go.
        executor: makes the calls.
        concurrency: the number of calls at once. It falls if the calls hinder each other.
        alone_seconds: how long a call takes alone.
        on_calls: is told how many calls of this round are made, of how many.
    """

    store: CallStore
    executor: Executor
    concurrency: int
    alone_seconds: float
    on_calls: Callable[[int, int], None] = lambda _done, _total: None
    _is_checked: bool = False

    def make_all(self, run_pass: Callable[[], object]) -> None:
        """Run the probes and make what they ask for, until they ask for nothing new or the time is over.

        Raises:
            KeptStateError: the function keeps something between calls, so its answers are of no use.
        """
        for _ in range(MAX_PASSES):
            self.store.start_pass(collects=True)
            run_pass()
            if not self.store.missing:
                return
            try:
                self._make(_most_useful_first(self.store.missing, is_first_pass=not self._is_checked))
            except TimeOverError:
                return

    def _make(self, calls: Sequence[MissingCall]) -> None:
        done = 0
        queue = [*calls]
        if not self._is_checked:
            queue = self._check(queue)
            done, self._is_checked = len(calls) - len(queue), True
        while queue:
            wave, queue = queue[: self.concurrency], queue[self.concurrency :]
            self._make_wave(wave)
            done += len(wave)
            self.on_calls(done, len(calls))

    def _check(self, queue: Sequence[MissingCall]) -> list[MissingCall]:
        """Make the first calls, and return the others. Two events are sent in both orders, each time to another place.

        Raises:
            KeptStateError: then a score differs, although two fresh environments give the same.
        """
        events = list(dict.fromkeys(call.event for call in queue))[:2]
        pair = [next(call for call in queue if call.event == event) for event in events]
        rest = [call for call in queue if call not in pair]
        wave, rest = self._split(rest, used=len(pair) + 1, limit=FIRST_WAVE)
        forward, fresh, answers = self._answer_pair(pair, [pair[0], *wave])
        self._store([*pair, *wave], [*forward, *answers])
        self._slow_down([*forward, fresh, *answers])
        wave, rest = self._split(rest, used=len(pair) + 1)
        backward, again, answers = self._answer_pair([*reversed(pair)], [pair[0], *wave])
        self._store(wave, answers)
        is_noisy = _scores(forward[0]) != _scores(fresh)
        differs = [*map(_scores, forward)] != [*map(_scores, reversed(backward))] or _scores(again) != _scores(fresh)
        if differs and not is_noisy and None not in (*backward, again):
            raise KeptStateError
        return rest

    def _answer_pair(
        self, pair: Sequence[MissingCall], others: Sequence[MissingCall]
    ) -> tuple[list[_Answer | None], _Answer | None, list[_Answer | None]]:
        """Make these calls at once. Return the answers to the pair, to the first of the others, and to the rest."""
        answers = self._answer_wave([*pair, *others])
        return answers[: len(pair)], answers[len(pair)], answers[len(pair) + 1 :]

    def _make_wave(self, wave: Sequence[MissingCall]) -> None:
        answers = self._answer_wave(wave)
        self._slow_down(answers)
        self._store(wave, answers)

    def _split(
        self, calls: list[MissingCall], *, used: int, limit: int | None = None
    ) -> tuple[list[MissingCall], list[MissingCall]]:
        """Return the calls that fit into a wave beside `used` others, and the rest."""
        room = max(0, min(self.concurrency, limit or self.concurrency) - used)
        return calls[:room], calls[room:]

    def _slow_down(self, answers: Sequence[_Answer | None]) -> None:
        """Make fewer calls at once if these hindered each other, as calls do that compute."""
        seconds = [answer.duration_ms / 1e3 for answer in answers if isinstance(answer, Invocation)]
        if seconds and median(seconds) > BUSY_FACTOR * self.alone_seconds:
            self.concurrency = max(2, int(len(seconds) * self.alone_seconds / median(seconds)))

    def _store(self, calls: Sequence[MissingCall], answers: Sequence[_Answer | None]) -> None:
        """Store the answers.

        Raises:
            TimeOverError: a call was not answered in time. The answers of the others are stored.
        """
        for call, answer in zip(calls, answers, strict=True):
            if answer is not None:
                self.store.add(call, answer)
        if None in answers:
            raise TimeOverError

    def _answer_wave(self, wave: Sequence[MissingCall]) -> list[_Answer | None]:
        def answer(environment: int, call: MissingCall) -> _Answer | None:
            with in_environment(call.first_environment + environment):
                try:
                    return call.make()
                except InvocationRejected as rejected:
                    return rejected
                except BudgetUsedUpError:
                    return None

        return list(self.executor.map(answer, range(len(wave)), wave))


def _most_useful_first(calls: Sequence[MissingCall], *, is_first_pass: bool) -> list[MissingCall]:
    """Return the calls in the order in which they are made, because the time may end before the last one.

    In the first pass the probes that matter most come first, then those with few calls.
    """
    counts = Counter(call.probe for call in calls)
    order = {probe: index for index, probe in enumerate(FIRST_PROBES)} if is_first_pass else {}
    return sorted(calls, key=lambda call: (order.get(call.probe, len(FIRST_PROBES)), counts[call.probe]))


def _scores(answer: _Answer | None) -> Any:
    """Return what two answers to the same event must have in common: the scores, or that there are none."""
    if not isinstance(answer, Invocation) or answer.function_error:
        return None
    try:
        items = json.loads(answer.payload)
        return [(item["id"], item["aggregate_reward_score"]) for item in items]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def guess_scores(right_responses: Iterable[str]) -> Guess:
    """Return a guess: a right response scores 1, and every other one 0."""
    right = frozenset(right_responses)

    def guess(event: bytes) -> bytes:
        results = [
            {"id": element.get("id"), "aggregate_reward_score": float(_response(element) in right)}
            for element in json.loads(event)
            if isinstance(element, dict)
        ]
        return json.dumps(results).encode()

    return guess


def _response(element: dict[str, Any]) -> str:
    messages = element.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    return str(last.get("content")) if isinstance(last, dict) else ""


def _guessed(payload: bytes) -> Invocation:
    return Invocation(
        payload=payload,
        function_error=None,
        log_lines=(),
        log_stream="",
        request_id="",
        executed_version="",
        duration_ms=0.0,
        init_ms=None,
        max_memory_mb=0,
        finished_at=0.0,
    )
