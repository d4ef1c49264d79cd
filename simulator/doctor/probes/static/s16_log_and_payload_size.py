"""S16: what a call costs in log and in bytes."""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Case
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.timed_calls import base_rollout_cases, invoke_cases, rollout_id_at
from simulator.grading.lambda_event import encode_element
from simulator.lambdas.function import Invocation
from simulator.lambdas.limits import MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES
from simulator.training.dataset import Record

MAX_LOG_BYTES: Final = 256 * 1024
"""More log in one call than this is a warning: CloudWatch bills what is written."""

STEP_ROLLOUTS: Final = 32
"""The rollouts that log is counted by: a step of Amazon's sample, four prompts with eight rollouts each."""

LOG_AND_PAYLOAD_SIZE: Final = Probe(
    id="S16",
    name="log and payload size",
    question="Do the event and the answer fit into a Lambda call, and is little written to the log?",
    measured=(
        f"{STEP_ROLLOUTS} rollouts of the base model are scored; more than {MAX_LOG_BYTES // 1024} kB of log in one call is a "
        f"warning. A single rollout whose event is above {MAX_REQUEST_BYTES:,} bytes is a failure, for any record of "
        f"the file; an answer that would be above {MAX_RESPONSE_BYTES:,} bytes for a whole step is a warning."
    ),
    means=(
        "Lambda refuses what is larger, and the rollout has no score. Log is billed by CloudWatch, and a function that "
        "prints its event writes every prompt and response of the run there, where others may read them."
    ),
    remedy="Print nothing or one line a call; return id, score and a few metrics; shorten the record.",
    source="DOCUMENTED: Lambda quotas. Amazon's own sample prints the whole event. The log's threshold: INFERRED.",
)


def check_log_and_payload_size(context: ProbeContext) -> Iterator[Finding]:
    """S16: count what is written, sent and returned."""
    size = context.settings.grading.rollouts_per_call
    cases = base_rollout_cases(context, max(size, STEP_ROLLOUTS))
    logged: list[int] = []
    returned: list[int] = []
    cut = False
    for start in range(0, len(cases), size):
        invocation = invoke_cases(context, cases[start : start + size])
        if invocation is not None:
            logged.append(_function_log_bytes(invocation))
            returned.append(len(invocation.payload))
            cut |= not any(line.startswith("START RequestId") for line in invocation.log_lines)
    if not logged:
        yield LOG_AND_PAYLOAD_SIZE.not_measured("No call was made whose log and answer could be measured.")
        return
    step = context.hyperparameters.batch_size * context.hyperparameters.rollouts_per_prompt
    answer = round(sum(returned) / len(cases) * step)
    longest = max(len(encode_element(case.text)) for case in cases)
    largest, line = max((_size(context, record), record.line) for record in context.records)
    largest += longest
    at_least = "at least " if cut and context.reward_function.spec is None else ""
    figures = (
        f"{at_least}{_format_bytes(sum(logged))} of log for {len(cases)} rollouts; {_format_bytes(largest)} for the largest rollout; "
        f"{_format_bytes(answer)} in answer to a step of {step}"
    )
    found = []
    if largest > MAX_REQUEST_BYTES:
        found.append(
            LOG_AND_PAYLOAD_SIZE.finding(
                Severity.FAIL,
                f"The event of one rollout of the record at line {line} is larger than Lambda takes.",
                measured=_format_bytes(largest),
                threshold=f"at most {_format_bytes(MAX_REQUEST_BYTES)}",
                fix=f"Shorten the record at line {line}: its prompt and all its fields travel in the event.",
                value=float(largest),
            )
        )
    if max(logged) > MAX_LOG_BYTES:
        found.append(
            LOG_AND_PAYLOAD_SIZE.finding(
                Severity.WARN,
                f"Much is written to the log: {at_least}{_format_bytes(sum(logged))} for {len(cases)} rollouts.",
                measured=f"{_format_bytes(max(logged))} in a call",
                threshold=f"at most {_format_bytes(MAX_LOG_BYTES)}",
                fix="Print nothing, or one line a call; above all not the event.",
                value=float(max(logged)),
            )
        )
    if answer > MAX_RESPONSE_BYTES:
        found.append(
            LOG_AND_PAYLOAD_SIZE.finding(
                Severity.WARN,
                f"The answer to a whole step of {step} rollouts in one call would be larger than Lambda returns.",
                measured=_format_bytes(answer),
                threshold=f"at most {_format_bytes(MAX_RESPONSE_BYTES)}",
                fix="Return id, score and a few metrics for each rollout, and not the messages.",
                value=float(answer),
            )
        )
    yield from found or [LOG_AND_PAYLOAD_SIZE.ok("Events and answers fit, and little is logged.", measured=figures)]


def _size(context: ProbeContext, record: Record) -> int:
    """Return how many bytes of an event a rollout takes, without its response."""
    return len(
        encode_element(
            context.invoker.build_element(Case(label="size", record=record, text=""), rollout_id=rollout_id_at(0))
        )
    )


def _function_log_bytes(invocation: Invocation) -> int:
    """Return how many bytes the function itself wrote."""
    lambdas_own = ("START RequestId", "END RequestId", "REPORT RequestId")
    return sum(len(line.encode()) for line in invocation.log_lines if not line.startswith(lambdas_own))


def _format_bytes(count: int) -> str:
    return f"{count / 1e3:.3g} kB" if count < 1e6 else f"{count / 1e6:.3g} MB"  # noqa: PLR2004  a million bytes
