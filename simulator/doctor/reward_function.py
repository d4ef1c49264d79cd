"""The reward function under test. It is really run, within Lambda's limits."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from simulator.doctor.run_budget import RunBudget
from simulator.lambdas.compiled_modules import UnloadableModules, describe_differences, find_modules_behind_error
from simulator.lambdas.environments import Affinity
from simulator.lambdas.errors import CallCutOff
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.interpreters import Interpreter, own_interpreter
from simulator.lambdas.limits import TIMEOUT_RANGE_SECONDS
from simulator.lambdas.pool import EnvironmentPool

_OWNER: Final = "doctor"
_environment: Final = ContextVar("environment", default=0)


@contextmanager
def in_environment(number: int) -> Iterator[None]:
    """Make the calls of this thread in the environment of a number.

    Concurrent calls of a function that keeps state then depend on their own order, and a doctor run is repeatable.
    """
    token = _environment.set(number)
    try:
        yield
    finally:
        _environment.reset(token)


class RewardFunction(Protocol):
    """A reward function that the doctor can invoke."""

    @property
    def name(self) -> str:
        """Its name in messages: its folder, file or ARN."""

    @property
    def timeout(self) -> float:
        """Its time-out in seconds."""

    @property
    def memory_mb(self) -> int:
        """Its memory size in MB."""

    @property
    def spec(self) -> FunctionSpec | None:
        """Its package and configuration. None for a function that is deployed elsewhere."""

    @property
    def differences(self) -> tuple[str, ...]:
        """In which ways it runs here in another way than at AWS, as sentences. Empty for a function at AWS."""

    def modules_behind_error(self, error_type: str, message: str) -> UnloadableModules | None:
        """Return the compiled modules that may explain an error of the last calls; None unless an import failed."""

    def invoke(self, event: bytes) -> Invocation:
        """Run it once on an event, which is JSON text. Errors of the function are in the result.

        Raises:
            InvocationRejected: it was not run: throttled, not found, not permitted, or the event is too large.
            CallCutOff: it took far longer than earlier calls, and the doctor did not wait for its end.
            BudgetUsedUpError: the time of the doctor run is over.
        """

    def restart(self) -> None:
        """Make the next call run in a fresh environment, where that is possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRewardFunction:
    """A package that runs on this machine, in warm workers, as a deployed function does.

    Attributes:
        budget: the time that all its calls may take.
        keeps_environments: no call needs another environment, because a cold start takes too long.
    """

    name: str
    spec: FunctionSpec
    pool: EnvironmentPool
    interpreter: Interpreter = field(default_factory=own_interpreter)
    budget: RunBudget = field(default_factory=RunBudget, compare=False)
    keeps_environments: bool = False

    @property
    def timeout(self) -> float:
        """Its time-out in seconds."""
        return self.spec.timeout

    @property
    def memory_mb(self) -> int:
        """Its memory size in MB."""
        return self.spec.memory_mb

    @property
    def differences(self) -> tuple[str, ...]:
        """Another Python than that of its Runtime, and compiled modules that cannot be loaded."""
        return describe_differences(self.spec, self.interpreter)

    def modules_behind_error(self, error_type: str, message: str) -> UnloadableModules | None:
        """Return the modules of its package that its interpreter cannot load."""
        return find_modules_behind_error(self.spec, self.interpreter, error_type=error_type, message=message)

    def invoke(self, event: bytes) -> Invocation:
        """Run it once.

        Raises:
            InvocationRejected: see `EnvironmentPool.invoke`.
            BudgetUsedUpError: the time of the doctor run is over.
        """
        self.budget.check()
        try:
            invocation = self.pool.invoke(
                self.spec,
                event,
                affinity=Affinity(owner=_OWNER, number=_environment.get()),
                max_seconds=self.budget.call_limit(),
                max_handler_seconds=self.budget.handler_limit(),
            )
        except CallCutOff as error:
            raise self.budget.cut_off(error) from None
        self.budget.record_call(invocation.duration_ms / 1e3)
        return invocation

    def restart(self) -> None:
        """End its warm environments, unless it keeps them."""
        if not self.keeps_environments:
            self.pool.reset()


def with_shorter_timeout(reward_function: RewardFunction, *, timeout: float) -> LocalRewardFunction | None:
    """Return the function with a shorter time-out, or None for one that runs elsewhere or keeps its environments.

    The result is a published version with environments of its own, so those of the function itself stay warm.
    """
    if not isinstance(reward_function, LocalRewardFunction) or reward_function.keeps_environments:
        return None
    return replace(
        reward_function, spec=replace(reward_function.spec, timeout=min(reward_function.timeout, timeout), version="1")
    )


def with_longer_timeout(reward_function: LocalRewardFunction) -> LocalRewardFunction:
    """Return the function with Lambda's longest time-out, in environments of its own."""
    spec = replace(reward_function.spec, timeout=TIMEOUT_RANGE_SECONDS[1], version="4")
    return replace(reward_function, spec=spec)


def restarts(reward_function: RewardFunction) -> bool:
    """Return whether `restart` has an effect: the function runs here and does not keep its environments."""
    return isinstance(reward_function, LocalRewardFunction) and not reward_function.keeps_environments
