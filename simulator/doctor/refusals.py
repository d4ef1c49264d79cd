"""What the environment refused to a function, in words: the line of code, the reason, and the way out."""

from collections.abc import Iterable, Sequence
from typing import Final

from simulator.doctor.invocation import CaseResult
from simulator.doctor.side_effects import SideEffect
from simulator.grading.lambda_failure import LambdaFailure
from simulator.lambdas.sandbox.function_user import HOME

TIED_SHARE: Final = 0.9
"""If as many right answers score the same as wrong ones, the scores may be what the function returns after an error."""

_TOLERANCE: Final = 1e-9
_MAX_NAMED: Final = 2

_HOME_FIX: Final = (
    "Put the files that it needs into the package and name their folder, or let it write under /tmp: set the variable "
    "HOME=/tmp (--env HOME=/tmp), or the library's own, such as HF_HOME, NLTK_DATA or TIKTOKEN_CACHE_DIR."
)
_WRITE_FIX: Final = "Write only under /tmp, which lasts as long as the environment, and write logs to standard output."
_READ_FIX: Final = 'Put them into the package folder, and open them next to the code: Path(__file__).with_name("...").'
_MODE_FIX: Final = "Give the files in the zip a mode that every user can read: 644, and 755 for folders."
_MEMORY_FIX: Final = (
    "Use threads, or a multiprocessing Process that answers through a Pipe: Queue, Pool, Lock, Manager, SharedMemory "
    "and ProcessPoolExecutor need shared memory."
)
_PROCESS_FIX: Final = "Do it in Python, or include the program in the package or a layer."
_NETWORK_FIX: Final = (
    "Make the address reachable from here and run the doctor again, or include what it downloads in the package."
)


def refused(side_effects: Iterable[SideEffect]) -> list[SideEffect]:
    """Return those that were refused, the ones that the function failed with first."""
    return sorted((effect for effect in side_effects if effect.refused), key=lambda effect: not effect.raised)


def describe_refusals(side_effects: Sequence[SideEffect]) -> str:
    """Return a sentence about refused side effects, with their lines: the cause of an error, or of scores."""
    by_line = {(effect.kind, effect.source_line): effect for effect in reversed(side_effects)}
    clauses = list(map(_clause, reversed(by_line.values())))
    more = f"; and {len(clauses) - _MAX_NAMED} more" if len(clauses) > _MAX_NAMED else ""
    cause = "The cause" if any(effect.raised for effect in side_effects) else "A possible cause"
    return f"{cause}: {'; '.join(clauses[:_MAX_NAMED])}{more}."


def _clause(effect: SideEffect) -> str:
    line = effect.source_line or "a library"
    match effect.kind:
        case "write" if effect.subject.startswith(HOME):
            return f"{line} writes {effect.subject}, and the home folder is read-only on Lambda"
        case "write":
            return f"{line} writes {effect.subject}, and only /tmp can be written on Lambda"
        case "memory":
            return f"{line} uses {effect.subject}, and Lambda has no shared memory"
        case "read":
            return f"{line} opens {effect.subject}, which is not in the package and not on Lambda"
        case "unreadable":
            return f"{line} opens {effect.subject}, and its mode in the zip lets only its owner read it"
        case "process":
            return f"{line} starts {effect.subject}, and there is no such program"
        case _:
            return f"{line} connects to {effect.label}, and gets {effect.refused}"


def fix_for(side_effects: Iterable[SideEffect]) -> str:
    """Return what to do about refused side effects."""
    return " ".join(dict.fromkeys(map(_fix, side_effects)))


def _fix(effect: SideEffect) -> str:
    if effect.kind == "write":
        return _HOME_FIX if effect.subject.startswith(HOME) else _WRITE_FIX
    return {
        "memory": _MEMORY_FIX,
        "read": _READ_FIX,
        "unreadable": _MODE_FIX,
        "process": _PROCESS_FIX,
    }.get(effect.kind, _NETWORK_FIX)


def fix_for_error(failure: LambdaFailure) -> str:
    """Return the fix for an error that Lambda's file system gives, by its text; empty for another error."""
    if "unable to open database file" in failure.message or "readonly database" in failure.message:  # SQLite's texts
        return _WRITE_FIX
    if "[Errno 30]" in failure.message:
        return _HOME_FIX if HOME in failure.message else _WRITE_FIX
    if "[Errno 38]" in failure.message:
        return _MEMORY_FIX
    if "[Errno 13]" in failure.message and "/var/task" in failure.message:
        return _MODE_FIX
    return ""


def are_tied(first: Sequence[CaseResult], second: Sequence[CaseResult]) -> bool:
    """Return whether right and wrong answers to the same rows nearly all score the same."""
    ties = [
        abs(right.score - wrong.score) <= _TOLERANCE
        for right, wrong in zip(first, second, strict=True)
        if right.score is not None and wrong.score is not None
    ]
    return bool(ties) and sum(ties) >= TIED_SHARE * len(ties)
