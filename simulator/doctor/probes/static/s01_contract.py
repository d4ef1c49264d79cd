"""S1: check that an ordinary call returns a list of results with usable scores."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.foreign_modules import find_foreign_modules, reason_not_judged
from simulator.doctor.invocation import Call, usable_scores
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.event_layouts import other_layouts
from simulator.doctor.probes.static.lambda_errors import lambda_error_fix
from simulator.doctor.probes.static.result_checks import (
    METRIC_TYPES,
    fix_for_metrics,
    fix_for_score,
    group_by_error,
    metrics_error,
    score_error,
)
from simulator.doctor.probes.static.sample_calls import (
    SampleCall,
    find_failing_rollout,
    scores_single_rollout,
    send_first_call,
    send_more_calls,
)
from simulator.doctor.refusals import describe_refusals, fix_for, fix_for_error, refused
from simulator.doctor.side_effects import SideEffect, side_effects_of_event
from simulator.doctor.timeout_budget import NoScoresError, NotJudgedError
from simulator.doctor.unjudged_paths import reason_of_unjudged_paths
from simulator.grading.grader_error import excerpt
from simulator.grading.lambda_failure import LambdaFailure, parse_failure

_SINGLE_ROLLOUT_FIX: Final = (
    "Give every text that a model may write a score: handle each element on its own, catch the errors of parsing its "
    "text, and score 0.0 if it cannot be parsed."
)
_EVENT_FIX: Final = (
    "Correct the function in that line. An event is a list of rollouts with id, messages, reference_answer and "
    "metadata; `rft-sim preview` prints it."
)

CONTRACT: Final = Probe(
    id="S1",
    name="contract",
    question="Does an ordinary call return a list of results with a usable score each?",
    measured=(
        "Right and wrong answers are sent in one call with as many rollouts as a job sends. If that call is ok, more "
        "right and wrong answers and all rollouts of the untrained model are sent. It is a failure when the function "
        "does not start, raises, or reaches its time-out or its memory limit. It is a failure when the response is not "
        "a list of objects, or contains NaN or infinity, which are not JSON. It is a failure when an "
        '"aggregate_reward_score" is missing, is a bool or not a number, or is NaN or infinite. It is a failure when '
        'an entry of "metrics_list" has no "name", no finite "value", or a "type" other than '
        f"{' and '.join(METRIC_TYPES)}."
    ),
    means=(
        "A job stops at the first call without usable scores, even late in the run. If a call with a single rollout "
        "also gets no score, the doctor stops here."
    ),
    remedy=(
        'Return a list with one {"id": ..., "aggregate_reward_score": ...} for each element of the event. '
        '"metrics_list" is optional. The envelope of statusCode and body is for SageMaker AI and not for Bedrock.'
    ),
    source=(
        "DOCUMENTED: the Bedrock User Guide's reward function page. The checks of metrics_list are those of AWS's own "
        "verify_reward_function (Nova Forge SDK)."
    ),
)


def check_contract(context: ProbeContext) -> Iterator[Finding]:
    """S1: check the results of an ordinary call, and of more calls if it is ok.

    Raises:
        NoScoresError: after the finding, when the response is not a list and no rollout gets a score alone.
    """
    first_call = send_first_call(context)
    results = first_call.results
    if results is None:
        scores_alone = scores_single_rollout(context, first_call)
        if not scores_alone and reason_not_judged(first_call.error, context.reward_function):
            raise NoScoresError(first_call.error)  # its findings are not the function's fault
        side_effects = _side_effects_of(context, first_call)
        if not scores_alone and (reason := reason_of_unjudged_paths(context.reward_function, side_effects)):
            raise NotJudgedError(reason)
        yield _failed_call_finding(context, first_call, refused(side_effects), scores_alone=scores_alone)
        if not scores_alone:
            raise NoScoresError(first_call.error)
        return
    objects, origins = _result_objects([first_call])
    is_ok = True
    if len(objects) < len(results):
        is_ok = False
        yield CONTRACT.finding(
            Severity.FAIL,
            f"A result is not an object: {first_call.error}.",
            measured=_share(len(results) - len(objects), len(results)),
            threshold="none",
            fix=CONTRACT.remedy,
            examples=[first_call.example(0, f"the response: {excerpt(json.dumps(results))}")],
        )
    if not first_call.error:
        objects, origins = _result_objects([first_call, *send_more_calls(context)])
    for find_error, fix_for_result in ((score_error, fix_for_score), (metrics_error, fix_for_metrics)):
        for error, indexes in group_by_error(objects, find_error).items():
            is_ok = False
            result = objects[indexes[0]]
            call, index = origins[indexes[0]]
            yield CONTRACT.finding(
                Severity.FAIL,
                f"{error}.",
                measured=_share(len(indexes), len(objects)),
                threshold="none",
                fix=fix_for_result(result),
                examples=[call.example(index, f"the result: {excerpt(json.dumps(result))}")],
            )
    if is_ok:
        yield CONTRACT.ok("An ordinary call returns a list of results with a usable score each.")


def _result_objects(calls: Iterable[SampleCall]) -> tuple[list[dict[str, Any]], list[tuple[SampleCall, int]]]:
    """Return the results that are objects, and for each its call and its index there."""
    pairs = [
        (result, (call, index))
        for call in calls
        for index, result in enumerate(call.results or ())
        if isinstance(result, dict)
    ]
    return [result for result, _ in pairs], [origin for _, origin in pairs]


def _side_effects_of(context: ProbeContext, sample_call: SampleCall) -> list[SideEffect]:
    """Return what the function does in a call that raised an error."""
    if sample_call.has_timed_out or _failure(sample_call.call) is None:
        return []
    return side_effects_of_event(context.reward_function, sample_call.call.event)


def _failed_call_finding(
    context: ProbeContext, sample_call: SampleCall, refusals: Sequence[SideEffect], *, scores_alone: bool
) -> Finding:
    count = len(sample_call.cases)
    failure = _failure(sample_call.call)
    failing_rollout = find_failing_rollout(context, sample_call) if scores_alone else None
    if failing_rollout and failure:
        index, error = failing_rollout
        return CONTRACT.finding(
            Severity.FAIL,
            f"The function fails on an ordinary rollout, and all {count} rollouts of its call lose their scores.",
            measured=failure.type,
            threshold="a list of results",
            fix=lambda_error_fix(failure, context.reward_function) or _SINGLE_ROLLOUT_FIX,
            examples=[sample_call.example(index, error)],
        )
    if sample_call.call.invocation is None:
        message, fix = "The function was not run.", "Check its name, its permissions and its package."
    elif failure is None:
        message = f"The response cannot be used: {sample_call.error}."
        fix = _list_fix(sample_call.call.invocation.payload)
    elif modules := find_foreign_modules(sample_call.error, context.reward_function):
        message = f"The function cannot start. {modules.explanation}"
        fix = modules.advice
    elif refusals:
        raised = [effect for effect in refusals if effect.raised]
        message = f"The function fails on ordinary rollouts. {describe_refusals(raised or refusals)}"
        fix = fix_for(raised or refusals)
    elif refusal_fix := fix_for_error(failure):
        message, fix = "The function fails on ordinary rollouts.", refusal_fix
    else:
        message = "The function fails on ordinary rollouts."
        fix = lambda_error_fix(failure, context.reward_function) or _layout_fix(context, sample_call) or _EVENT_FIX
    if scores_alone:
        message += f" This happens for {count} rollouts in one call; a single rollout gets a score."
    return CONTRACT.finding(
        Severity.FAIL,
        message,
        measured=failure.type if failure else "not a list",
        threshold="a list of results",
        fix=fix,
        examples=[sample_call.example(0, sample_call.error)],
    )


def _layout_fix(context: ProbeContext, sample_call: SampleCall) -> str:
    """Return the fix for a function that raises on the configured event layout but scores another; otherwise empty."""
    row, id_, element = context.rows[0], sample_call.call.ids[0], sample_call.elements[0]
    for layout in other_layouts(context.settings.grading):
        other_element = layout.transform(row, element)
        if other_element == element:
            continue
        call = context.invoker.invoke([other_element], ids=[id_])
        if not isinstance(usable_scores(call, function_name=context.reward_function.name), str):
            return f"It gives a score with {layout.name}. {layout.fix}"
    return ""


def _failure(call: Call) -> LambdaFailure | None:
    invocation = call.invocation
    return parse_failure(invocation.payload) if invocation is not None and invocation.function_error else None


def _list_fix(payload: bytes) -> str:
    try:
        response = json.loads(payload)
    except (ValueError, RecursionError):
        return CONTRACT.remedy
    return _envelope_fix(response) or CONTRACT.remedy


def _envelope_fix(response: object) -> str:
    """Return the fix for a list in an envelope with statusCode and body; empty for another response.

    DOCUMENTED and SAMPLE: Bedrock takes the list itself. SageMaker AI takes the envelope for open-weight models: its
    SDK asks for one (sagemaker_train 1.27.0, `verify_reward_function` without `is_nova`), and for the list for Nova.
    """
    if not (isinstance(response, dict) and {"statusCode", "body"} <= response.keys()):
        return ""
    body = response["body"]
    try:
        inner = json.loads(body) if isinstance(body, str) else body
    except (ValueError, RecursionError):
        inner = None
    content = f"the list of {len(inner)} results in its body" if isinstance(inner, list) else "the list itself"
    return (
        "statusCode and body are the envelope that SageMaker AI takes for open-weight models, and API Gateway for any "
        f"function. Bedrock takes no envelope: return {content}. To serve both, add the envelope in a second handler."
    )


def _share(count: int, total: int) -> str:
    return f"{count} of {total}"
