"""What a function on this machine does besides scoring, as the audit hook records it in the function's own process."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from simulator.doctor.hook_layer import takes_hook, with_hook
from simulator.doctor.reward_function import LocalRewardFunction, RewardFunction
from simulator.lambdas.errors import InvocationRejected
from simulator.lambdas.function import FunctionSpec

_AUDIT_HOOK: Final = Path(__file__).parent / "probes" / "static" / "audit_hook.py"
_HOOK_MODULE: Final = "rft_doctor_witness"
_HOOK_HANDLER: Final = f"{_HOOK_MODULE}.handler"
_REPORT_EVENT: Final = b'{"rft_witness":"report"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class SideEffect:
    """Something that the function did, as `audit_hook.py` records it.

    Attributes:
        kind: network, write, read, unreadable (a file whose mode forbids it), memory (shared memory), process, variable
            or unjudged (a path that means another file here than at AWS).
        phase: import or scoring.
        subject: the host and port, the path, the program or the variable's name.
        call: the AWS operation that it was part of, such as bedrock-runtime:InvokeModel.
        source_line: the line of the function's own code.
        count: how often it happened.
        need: for a variable: required, without_default (read without a default) or optional.
        refused: the error that it got, or gets at AWS.
        raised: the function failed with that error.
    """

    kind: str
    phase: str
    subject: str
    call: str
    source_line: str
    count: int
    need: str = ""
    refused: str = ""
    raised: bool = False

    @property
    def label(self) -> str:
        """The AWS operation, or the subject."""
        return f"AWS ({self.call})" if self.call else self.subject

    @property
    def description(self) -> str:
        """The label with its source line."""
        return f"{self.label} ({self.source_line})" if self.source_line else self.label


def hooked_function(reward_function: RewardFunction) -> LocalRewardFunction | None:
    """Return the function with the audit hook. None if it does not run here, or has all layers already."""
    if not isinstance(reward_function, LocalRewardFunction) or not takes_hook(reward_function):
        return None
    if reward_function.spec.handler == _HOOK_HANDLER:
        return reward_function
    return replace(reward_function, spec=with_audit_hook(reward_function.spec))


def with_audit_hook(spec: FunctionSpec) -> FunctionSpec:
    """Return the function with the audit hook around its handler, as another version with its own environments."""
    return with_hook(
        spec, _AUDIT_HOOK, version="2", module=_HOOK_MODULE, variables={"RFT_WITNESS_HANDLER": "{handler}"}
    )


def recorded_side_effects(hooked: LocalRewardFunction) -> list[SideEffect] | None:
    """Return what a hooked function has done so far. None if it ended its environment."""
    try:
        invocation = hooked.invoke(_REPORT_EVENT)
        if invocation.function_error:
            return None
        records: list[Mapping[str, Any]] = json.loads(invocation.payload)
    except (InvocationRejected, ValueError):
        return None
    return [SideEffect(**record) for record in records]


def side_effects_of_event(reward_function: RewardFunction, event: bytes) -> list[SideEffect]:
    """Return what the function does at import and for one event; nothing if that cannot be recorded."""
    hooked = hooked_function(reward_function)
    if hooked is None:
        return []
    try:
        hooked.invoke(event)
    except InvocationRejected:
        return []
    return recorded_side_effects(hooked) or []
