"""What a deployed function is, and what one invocation of it gave."""

from dataclasses import dataclass, field

EnvironmentKey = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """One version of a deployed function, with all that is needed to run it.

    `arn` is unqualified; `version` is "$LATEST" or a number. `timeout` is in seconds, whole on AWS. `code`
    and each of `layers` are zip archives. `reserved_concurrency` None means unreserved.
    """

    name: str
    arn: str
    version: str
    account: str
    region: str
    handler: str
    runtime: str
    code: bytes = field(repr=False)
    code_sha256: str
    environment: tuple[tuple[str, str], ...] = ()
    timeout: float = 3
    memory_mb: int = 128
    role: str = ""
    layers: tuple[bytes, ...] = field(default=(), repr=False)
    reserved_concurrency: int | None = None
    log_group: str = ""

    @property
    def environment_key(self) -> EnvironmentKey:
        """All that makes an execution environment: a change of any of it means fresh environments, as on AWS."""
        return (
            self.arn,
            self.version,
            self.code_sha256,
            self.handler,
            self.runtime,
            self.environment,
            self.timeout,
            self.memory_mb,
            self.role,
            self.layers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What one invocation gave: the caller's payload, and what the log and the bill say of it.

    `function_error` is None or "Unhandled" (OBSERVED: current runtimes never answer "Handled"). `log_lines`
    are the log events, each ending in a newline, START and REPORT included. `init_ms` is None on a warm
    start. `finished_at` is the simulator's clock, in seconds since the epoch. Durations and memory are really
    measured, so they differ from run to run.
    """

    payload: bytes
    function_error: str | None
    log_lines: tuple[str, ...]
    log_stream: str
    request_id: str
    executed_version: str
    duration_ms: float
    init_ms: float | None
    max_memory_mb: int
    finished_at: float

    @property
    def log(self) -> str:
        """The whole log of this invocation as text."""
        return "".join(self.log_lines)
