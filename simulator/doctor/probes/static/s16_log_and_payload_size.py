"""S16: check the size of the log, the event and the response."""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Case
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.timed_calls import base_rollout_cases, invoke_cases, rollout_id_at
from simulator.grading.lambda_event import encode_element
from simulator.lambdas.function import Invocation
from simulator.lambdas.limits import MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES
from simulator.lambdas.system_log import is_start_line, is_system_line
from simulator.training.dataset import Record

MAX_LOG_BYTES: Final = 256 * 1024
"""More log in one call is a warning, because CloudWatch bills it."""

STEP_ROLLOUTS: Final = 32
"""The log is measured for this many rollouts: a step of Amazon's sample, four prompts with eight rollouts each."""

LOG_AND_PAYLOAD_SIZE: Final = Probe(
    id="S16",
    name="log and payload size",
    question="Do the event and the response fit into a Lambda call, and is the log short?",
    measured=(
        f"{STEP_ROLLOUTS} rollouts of the base model are scored. More than {MAX_LOG_BYTES // 1024} kB of log in one "
        "call is a warning. It is a failure when the event of a single rollout, for any record of the file, exceeds "
        f"{MAX_REQUEST_BYTES:,} bytes. It is a warning when the response for a whole step would exceed "
        f"{MAX_RESPONSE_BYTES:,} bytes."
    ),
    means=(
        "Lambda rejects larger events and responses, and the rollouts get no score. CloudWatch bills the log, and a "
        "function that prints its event writes every prompt and response of the run there, where others may read them."
    ),
    remedy="Print at most one line per call. Return only id, score and a few metrics. Shorten the record.",
    source="DOCUMENTED: Lambda quotas. Amazon's own sample prints the whole event. The log's threshold: INFERRED.",
)


def check_log_and_payload_size(context: ProbeContext) -> Iterator[Finding]:
    """S16: measure the log, the events and the responses."""
    size = context.settings.grading.rollouts_per_call
    cases = base_rollout_cases(context, max(size, STEP_ROLLOUTS))
    log_bytes: list[int] = []
    response_bytes: list[int] = []
    is_truncated = False
    for start in range(0, len(cases), size):
        invocation = invoke_cases(context, cases[start : start + size])
        if invocation is not None:
            log_bytes.append(_function_log_bytes(invocation))
            response_bytes.append(len(invocation.payload))
            is_truncated |= not any(map(is_start_line, invocation.log_lines))
    if not log_bytes:
        yield LOG_AND_PAYLOAD_SIZE.not_measured("No call was made whose log and response could be measured.")
        return
    step_rollouts = context.hyperparameters.batch_size * context.hyperparameters.rollouts_per_prompt
    step_bytes = round(sum(response_bytes) / len(cases) * step_rollouts)
    longest_text = max(len(encode_element(case.text)) for case in cases)
    largest, line = max((_element_bytes(context, record), record.line) for record in context.records)
    largest += longest_text
    at_least = "at least " if is_truncated and context.reward_function.spec is None else ""
    figures = (
        f"{at_least}{_format_bytes(sum(log_bytes))} of log for {len(cases)} rollouts; {_format_bytes(largest)} for "
        f"the largest rollout; {_format_bytes(step_bytes)} in response to a step of {step_rollouts}"
    )
    findings = []
    if largest > MAX_REQUEST_BYTES:
        findings.append(
            LOG_AND_PAYLOAD_SIZE.finding(
                Severity.FAIL,
                f"The event of one rollout of the record at line {line} is larger than Lambda takes.",
                measured=_format_bytes(largest),
                threshold=f"at most {_format_bytes(MAX_REQUEST_BYTES)}",
                fix=f"Shorten the record at line {line}. Its prompt and all its fields are part of the event.",
                value=float(largest),
            )
        )
    if max(log_bytes) > MAX_LOG_BYTES:
        findings.append(
            LOG_AND_PAYLOAD_SIZE.finding(
                Severity.WARN,
                f"The log is long: {at_least}{_format_bytes(sum(log_bytes))} for {len(cases)} rollouts.",
                measured=f"{_format_bytes(max(log_bytes))} in a call",
                threshold=f"at most {_format_bytes(MAX_LOG_BYTES)}",
                fix="Print at most one line per call, and never the event.",
                value=float(max(log_bytes)),
            )
        )
    if step_bytes > MAX_RESPONSE_BYTES:
        findings.append(
            LOG_AND_PAYLOAD_SIZE.finding(
                Severity.WARN,
                f"The response to a whole step of {step_rollouts} rollouts in one call would be larger than Lambda "
                "returns.",
                measured=_format_bytes(step_bytes),
                threshold=f"at most {_format_bytes(MAX_RESPONSE_BYTES)}",
                fix="Return only id, score and a few metrics for each rollout, without the messages.",
                value=float(step_bytes),
            )
        )
    yield from findings or [
        LOG_AND_PAYLOAD_SIZE.ok("Events and responses fit, and the log is short.", measured=figures)
    ]


def _element_bytes(context: ProbeContext, record: Record) -> int:
    """Return the size of a rollout in an event, without its response."""
    return len(
        encode_element(
            context.invoker.build_element(Case(label="size", record=record, text=""), rollout_id=rollout_id_at(0))
        )
    )


def _function_log_bytes(invocation: Invocation) -> int:
    """Return the size of the function's own log lines."""
    return sum(len(line.encode()) for line in invocation.log_lines if not is_system_line(line))


def _format_bytes(count: int) -> str:
    return f"{count / 1e3:.3g} kB" if count < 1e6 else f"{count / 1e6:.3g} MB"  # noqa: PLR2004  a million bytes
