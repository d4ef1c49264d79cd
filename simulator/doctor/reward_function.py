"""The reward function under examination, whatever it came as: it is really run, with Lambda's limits."""

from dataclasses import dataclass, replace
from typing import Protocol

from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.pool import EnvironmentPool


class RewardFunction(Protocol):
    """A reward function that can be asked."""

    @property
    def name(self) -> str:
        """What it is called in messages: its folder, file or ARN."""

    @property
    def timeout(self) -> float:
        """Its Timeout, in seconds."""

    @property
    def memory_mb(self) -> int:
        """Its MemorySize."""

    @property
    def spec(self) -> FunctionSpec | None:
        """Its package and configuration, where it is run here; None for one that is deployed elsewhere."""

    def invoke(self, event: bytes) -> Invocation:
        """Run it once on an event, which is JSON text. What it does wrong is in the result.

        Raises:
            NotInvoked: it was not run at all: throttled, gone, not permitted, the event too large.
        """

    def restart(self) -> None:
        """Let the next call meet a fresh environment, where that can be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRewardFunction:
    """A package that is run here, in warm workers, as a deployed function is."""

    name: str
    spec: FunctionSpec
    pool: EnvironmentPool

    @property
    def timeout(self) -> float:
        """Its Timeout, in seconds."""
        return self.spec.timeout

    @property
    def memory_mb(self) -> int:
        """Its MemorySize."""
        return self.spec.memory_mb

    def invoke(self, event: bytes) -> Invocation:
        """Run it once.

        Raises:
            NotInvoked: see `Pool.invoke`.
        """
        return self.pool.invoke(self.spec, event)

    def restart(self) -> None:
        """End its warm environments."""
        self.pool.reset()


def with_shorter_timeout(reward_function: RewardFunction, *, timeout: float) -> LocalRewardFunction | None:
    """Return a patient under a shorter time-out; None of one that is not run here, whose time-out is not ours to set.

    It goes as a published version, which has environments of its own: those of the patient itself stay.
    """
    if not isinstance(reward_function, LocalRewardFunction):
        return None
    return replace(
        reward_function, spec=replace(reward_function.spec, timeout=min(reward_function.timeout, timeout), version="1")
    )
