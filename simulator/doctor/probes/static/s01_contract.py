"""S1 and S2: is there an answer at all, in a form that a job can use, and one for each rollout?"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from simulator.doctor.finding import Finding, Probe, Severity
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
from simulator.doctor.timeout_budget import NoScoresError
from simulator.grading.grader_error import excerpt
from simulator.grading.lambda_failure import LambdaFailure, parse_failure

_SINGLE_ROLLOUT_FIX: Final = (
    "See that whatever a model may write gets a score: handle each element on its own, catch what its text can do to "
    "the reading of it, and score 0.0 what cannot be read."
)
_EVENT_FIX: Final = (
    "Correct the function in that line. An event is a list of rollouts with id, messages, reference_answer and "
    "metadata; `rft-sim preview` prints it."
)
CONTRACT: Final = Probe(
    id="S1",
    name="contract",
    question="Does an ordinary call come back, as a list of results with a number each?",
    measured=(
        "Right and wrong answers are sent in one call, as many as a job sends, and where all is well with it so are "
        "others, and all rollouts of the untrained model. Any of these is a failure: the function does not start, "
        "raises, runs into its Timeout or its memory limit; the answer is no list of objects; it holds NaN or "
        'infinity, which JSON has no form for; an "aggregate_reward_score" is missing, no number (a bool is none), '
        'NaN or infinite; an entry of "metrics_list" has no "name", no finite "value", or a "type" other than '
        f"{' and '.join(METRIC_TYPES)}."
    ),
    means=(
        "A job stops at the first call that gives no usable score, however far it has come. When a single rollout "
        "gets no score either, the visit ends here."
    ),
    remedy=(
        'Return a list with one {"id": ..., "aggregate_reward_score": ...} for each element of the event. '
        '"metrics_list" may be left out.'
    ),
    source=(
        "DOCUMENTED: the Bedrock User Guide's reward function page. The checks of metrics_list are those of AWS's own "
        "verify_reward_function (Nova Forge SDK)."
    ),
)


def check_contract(context: ProbeContext) -> Iterator[Finding]:
    """S1: read the answer to one ordinary call.

    Raises:
        NoAnswersError: after its finding, when there is no list to look at and no rollout scores alone either.
    """
    contact = send_first_call(context)
    results = contact.results
    if results is None:
        alone = scores_single_rollout(context, contact)
        yield _call_failed(context, contact, scores_alone=alone)
        if not alone:
            raise NoScoresError(contact.error)
        return
    objects, contacts = _result_objects([contact])
    faulty = False
    if len(objects) < len(results):
        faulty = True
        yield CONTRACT.finding(
            Severity.FAIL,
            f"A result is no object: {contact.error}.",
            measured=_share(len(results) - len(objects), len(results)),
            threshold="none",
            fix=CONTRACT.remedy,
            examples=[contact.example(0, f"the answer: {excerpt(json.dumps(results))}")],
        )
    if not contact.error:
        objects, contacts = _result_objects([contact, *send_more_calls(context)])
    for read, fix in ((score_error, fix_for_score), (metrics_error, fix_for_metrics)):
        for what, places in group_by_error(objects, read).items():
            faulty = True
            shown = objects[places[0]]
            whole, place = contacts[places[0]]
            yield CONTRACT.finding(
                Severity.FAIL,
                f"{what}.",
                measured=_share(len(places), len(objects)),
                threshold="none",
                fix=fix(shown),
                examples=[whole.example(place, f"the result: {excerpt(json.dumps(shown))}")],
            )
    if not faulty:
        yield CONTRACT.ok("An ordinary call comes back as a list of results with a number each.")


def _result_objects(sample_calls: Iterable[SampleCall]) -> tuple[list[dict[str, Any]], list[tuple[SampleCall, int]]]:
    """Return the results that are objects, and for each the call that it came from and its place there."""
    placed = [
        (result, (contact, place))
        for contact in sample_calls
        for place, result in enumerate(contact.results or ())
        if isinstance(result, dict)
    ]
    return [result for result, _ in placed], [origin for _, origin in placed]


def _call_failed(context: ProbeContext, sample_call: SampleCall, *, scores_alone: bool) -> Finding:
    failure = _failure(sample_call.call)
    broken = find_failing_rollout(context, sample_call) if scores_alone else None
    if broken and failure:
        place, fault = broken
        return CONTRACT.finding(
            Severity.FAIL,
            f"The function fails on an ordinary rollout, and all {len(sample_call.cases)} of its call lose their scores.",
            measured=failure.type,
            threshold="a list of results",
            fix=lambda_error_fix(failure, context.reward_function) or _SINGLE_ROLLOUT_FIX,
            examples=[sample_call.example(place, fault)],
        )
    if sample_call.call.invocation is None:
        what, fix = "The function was not run.", "Look at its name, its permissions and its package."
    elif failure is None:
        what, fix = f"The answer cannot be used: {sample_call.error}.", _list_fix(sample_call.call.invocation.payload)
    else:
        what = "The function fails on ordinary rollouts."
        fix = lambda_error_fix(failure, context.reward_function) or _layout_fix(context, sample_call) or _EVENT_FIX
    together = (
        f" So it does for {len(sample_call.cases)} in one call; a single one gets a score." if scores_alone else ""
    )
    return CONTRACT.finding(
        Severity.FAIL,
        what + together,
        measured=failure.type if failure else "no list",
        threshold="a list of results",
        fix=fix,
        examples=[sample_call.example(0, sample_call.error)],
    )


def _layout_fix(context: ProbeContext, sample_call: SampleCall) -> str:
    """Return how to correct a function that raises on the event as it is configured, and not on another layout."""
    row, name, element = context.rows[0], sample_call.call.ids[0], sample_call.elements[0]
    for layout in other_layouts(context.settings.grading):
        laid_out = layout.transform(row, element)
        if laid_out == element:
            continue
        call = context.invoker.invoke([laid_out], ids=[name])
        if not isinstance(usable_scores(call, function_name=context.reward_function.name), str):
            return f"It gives a score with {layout.name}. {layout.fix}"
    return ""


def _failure(call: Call) -> LambdaFailure | None:
    invocation = call.invocation
    return parse_failure(invocation.payload) if invocation is not None and invocation.function_error else None


def _list_fix(payload: bytes) -> str:
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        return CONTRACT.remedy
    if isinstance(answer, dict) and {"statusCode", "body"} <= answer.keys():
        return "Return the list itself: statusCode and body are for API Gateway, which is not in between."
    return CONTRACT.remedy


def _share(count: int, total: int) -> str:
    return f"{count} of {total}"
