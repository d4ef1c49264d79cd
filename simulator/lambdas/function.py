"""A deployed function, and the result of one invocation."""

from dataclasses import dataclass, field

from simulator.http.service_calls import ServiceCalls
from simulator.lambdas.logging_config import LoggingConfig

EnvironmentKey = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """One version of a deployed function, with all that is needed to run it.

    `arn` is unqualified; `version` is "$LATEST" or a number. `timeout` is in seconds (an integer on AWS).
    `ephemeral_storage_mb` is the size of `/tmp`. `code` and each of `layers` are zip archives. `reserved_concurrency`
    None means unreserved. `architecture` is the processor that the package is for; it runs on that of this machine.
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
    ephemeral_storage_mb: int = 512
    role: str = ""
    layers: tuple[bytes, ...] = field(default=(), repr=False)
    reserved_concurrency: int | None = None
    log_group: str = ""
    architecture: str = "x86_64"
    logging: LoggingConfig = field(default_factory=LoggingConfig)

    @property
    def environment_key(self) -> EnvironmentKey:
        """The properties of an execution environment. If one changes, new environments are started, as on AWS."""
        return (
            self.arn,
            self.version,
            self.code_sha256,
            self.handler,
            self.runtime,
            self.environment,
            self.timeout,
            self.memory_mb,
            self.ephemeral_storage_mb,
            self.role,
            self.layers,
            self.log_group,
            self.logging,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The result of one invocation: the payload for the caller, the log, and the measured durations and memory.

    `function_error` is None or "Unhandled" (OBSERVED: current runtimes never answer "Handled"). `log_lines` are the log
    events, each ending in a newline, with START and REPORT. `init_ms` is None on a warm start. `finished_at` is the
    simulated time in seconds since the Unix epoch. Durations and memory are measured, so they differ in every run.
    `service_calls` are the calls to AWS services that the function made, where they are counted.
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
    service_calls: tuple[ServiceCalls, ...] = ()

    @property
    def log(self) -> str:
        """The whole log of this invocation as text."""
        return "".join(self.log_lines)
