"""How the calls of a doctor run are made: one after the other, several at once, or side by side for a slow function."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from simulator.doctor.executors import InlineExecutor, create_executor
from simulator.doctor.first_calls import FirstCalls
from simulator.doctor.invocation import Call
from simulator.doctor.plan_choice import environments_for, keeps_environments
from simulator.doctor.reward_function import RewardFunction
from simulator.doctor.run_budget import RunBudget
from simulator.doctor.side_by_side import CallStore, KeptStateError, SideBySideCalls, guess_scores, key_of, replayed
from simulator.doctor.side_effects import hooked_function


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMode:
    """The function that the probes call, and how many of their calls are made at once.

    Attributes:
        replays: the function answers from a store.
        keeps_state: the function is slow, and its calls cannot be made side by side, because scores depend on others.
    """

    function: RewardFunction
    executor: Executor = field(default_factory=InlineExecutor)
    concurrency: int = 1
    replays: bool = False
    keeps_state: bool = False


@contextmanager
def open_calls(
    function: RewardFunction,
    first: FirstCalls,
    *,
    budget: RunBudget,
    concurrency: int | None,
    collect: Callable[[CallMode, Callable[[str], None]], None],
    on_calls: Callable[[int, int], None],
) -> Iterator[CallMode]:
    """Provide the mode that suits the first calls. Calls side by side are made here.

    Args:
        function: the function.
        first: the first calls.
        budget: the time of the doctor run.
        concurrency: the number of calls at once that the user chose.
        collect: runs the probes for the calls that they make, and says which probe runs.
        on_calls: is told how many calls side by side are made, of how many.
    """
    hooked = hooked_function(function)
    if hooked is not None and keeps_environments(first, budget_seconds=budget.seconds):
        yield CallMode(function=replace(hooked, keeps_environments=True))
        return
    count = concurrency or environments_for(first, budget_seconds=budget.seconds)
    with create_executor(count) as executor:
        mode = CallMode(function=function, executor=executor, concurrency=count)
        if concurrency or count == 1 or first.seconds is None:
            yield mode
            return
        store = CallStore(guess=guess_scores(first.right_responses), function=key_of(function))
        mode = replace(mode, function=replayed(function, store), replays=True)
        side_by_side = SideBySideCalls(
            store=store, executor=executor, concurrency=count, alone_seconds=first.seconds, on_calls=on_calls
        )
        try:
            side_by_side.make_all(lambda: collect(mode, store.set_probe))
        except KeptStateError:
            yield CallMode(function=function, keeps_state=True)
            return
        store.start_pass(collects=False)
        yield mode


def ignore_call(_call: Call, /) -> None:
    """Do nothing after a call."""
