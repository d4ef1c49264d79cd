"""S1 and S2: is there an answer at all, in a form that a job can use, and one for each rollout?"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Call, usable_scores
from simulator.doctor.probe_context import Examination
from simulator.doctor.probes.static.event_layouts import other_layouts
from simulator.doctor.probes.static.lambda_errors import advice
from simulator.doctor.probes.static.result_checks import (
    METRIC_TYPES,
    faults_of,
    metrics_fault,
    metrics_fix,
    score_fault,
    score_fix,
)
from simulator.doctor.probes.static.sample_calls import Contact, broken_alone, contacted, met, scores_alone
from simulator.doctor.timeout_budget import NoAnswersError
from simulator.grading.lambda_response import Failure, excerpt, failure_of

_ALONE_FIX: Final = (
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

IDS: Final = Probe(
    id="S2",
    name="ids",
    question="Is there exactly one result for each rollout, under the rollout's own id?",
    measured=(
        "The ids of an ordinary call's results are held against those that were sent. One that is missing, unknown or "
        "there twice is a failure."
    ),
    means="Rewards are joined to rollouts by id. Without it a rollout has no reward, or another one's.",
    remedy='Copy each element\'s "id" into its result, and return one result for each element.',
    source="DOCUMENTED: the id is echoed back. INFERRED: order does not matter.",
)


def contract(exam: Examination) -> Iterator[Finding]:
    """S1: read the answer to one ordinary call.

    Raises:
        NoAnswersError: after its finding, when there is no list to look at and no rollout scores alone either.
    """
    contact = contacted(exam)
    results = contact.results
    if results is None:
        alone = scores_alone(exam, contact)
        yield _unanswered(exam, contact, alone=alone)
        if not alone:
            raise NoAnswersError(contact.fault)
        return
    objects, contacts = _objects([contact])
    faulty = False
    if len(objects) < len(results):
        faulty = True
        yield CONTRACT.found(
            Severity.FAIL,
            f"A result is no object: {contact.fault}.",
            measured=_share(len(results) - len(objects), len(results)),
            threshold="none",
            fix=CONTRACT.remedy,
            exhibits=[contact.exhibit(0, f"the answer: {excerpt(json.dumps(results))}")],
        )
    if not contact.fault:
        objects, contacts = _objects([contact, *met(exam)])
    for read, fix in ((score_fault, score_fix), (metrics_fault, metrics_fix)):
        for what, places in faults_of(objects, read).items():
            faulty = True
            shown = objects[places[0]]
            whole, place = contacts[places[0]]
            yield CONTRACT.found(
                Severity.FAIL,
                f"{what}.",
                measured=_share(len(places), len(objects)),
                threshold="none",
                fix=fix(shown),
                exhibits=[whole.exhibit(place, f"the result: {excerpt(json.dumps(shown))}")],
            )
    if not faulty:
        yield CONTRACT.fine("An ordinary call comes back as a list of results with a number each.")


def _objects(contacts: Iterable[Contact]) -> tuple[list[dict[str, Any]], list[tuple[Contact, int]]]:
    """Return the results that are objects, and for each the call that it came from and its place there."""
    placed = [
        (result, (contact, place))
        for contact in contacts
        for place, result in enumerate(contact.results or ())
        if isinstance(result, dict)
    ]
    return [result for result, _ in placed], [origin for _, origin in placed]


def ids(exam: Examination) -> Iterator[Finding]:
    """S2: hold the ids that came back against those that were sent.

    Raises:
        NoAnswersError: after its finding, when neither this call nor a single rollout gives a usable score.
    """
    contact = contacted(exam)
    results = [result for result in contact.results or () if isinstance(result, dict)]
    if contact.results is None or len(results) < len(contact.results):
        yield IDS.skipped("There are no results that could have an id: see S1.")
    else:
        yield _joined(contact, [result.get("id") for result in results])
    if contact.fault and not scores_alone(exam, contact):
        raise NoAnswersError(contact.fault)


def _unanswered(exam: Examination, contact: Contact, *, alone: bool) -> Finding:
    failure = _failure(contact.call)
    broken = broken_alone(exam, contact) if alone else None
    if broken and failure:
        place, fault = broken
        return CONTRACT.found(
            Severity.FAIL,
            f"The function fails on an ordinary rollout, and all {len(contact.cases)} of its call lose their scores.",
            measured=failure.type,
            threshold="a list of results",
            fix=advice(failure, exam.patient) or _ALONE_FIX,
            exhibits=[contact.exhibit(place, fault)],
        )
    if contact.call.invocation is None:
        what, fix = "The function was not run.", "Look at its name, its permissions and its package."
    elif failure is None:
        what, fix = f"The answer cannot be used: {contact.fault}.", _list_fix(contact.call.invocation.payload)
    else:
        what = "The function fails on ordinary rollouts."
        fix = advice(failure, exam.patient) or _layout_fix(exam, contact) or _EVENT_FIX
    together = f" So it does for {len(contact.cases)} in one call; a single one gets a score." if alone else ""
    return CONTRACT.found(
        Severity.FAIL,
        what + together,
        measured=failure.type if failure else "no list",
        threshold="a list of results",
        fix=fix,
        exhibits=[contact.exhibit(0, contact.fault)],
    )


def _layout_fix(exam: Examination, contact: Contact) -> str:
    """Return how to correct a function that raises on the event as it is configured, and not on another layout."""
    row, name, element = exam.rows[0], contact.call.ids[0], contact.elements[0]
    for layout in other_layouts(exam.settings.grading):
        laid_out = layout.laid_out(row, element)
        if laid_out == element:
            continue
        call = exam.ask.call([laid_out], ids=[name])
        if not isinstance(usable_scores(call, function=exam.patient.name), str):
            return f"It gives a score with {layout.name}. {layout.fix}"
    return ""


def _failure(call: Call) -> Failure | None:
    invocation = call.invocation
    return failure_of(invocation.payload) if invocation is not None and invocation.function_error else None


def _list_fix(payload: bytes) -> str:
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        return CONTRACT.remedy
    if isinstance(answer, dict) and {"statusCode", "body"} <= answer.keys():
        return "Return the list itself: statusCode and body are for API Gateway, which is not in between."
    return CONTRACT.remedy


def _joined(contact: Contact, returned: Sequence[object]) -> Finding:
    """Return the finding on the ids of the results."""
    sent = contact.call.ids
    names = [name for name in returned if isinstance(name, str)]
    lost = [name for name in sent if name not in names]
    unknown = [name for name in returned if name not in sent]
    doubled = sorted({name for name in names if names.count(name) > 1})
    matched = len(sent) - len(lost)
    if not (lost or unknown or doubled):
        return IDS.fine("Each rollout has one result, under its own id.", measured=f"{matched} of {len(sent)} matched")
    said = []
    if lost:
        said.append(f"{len(lost)} of {len(sent)} rollouts have no result, {lost[0]} for one")
    if unknown:
        said.append(f"{len(unknown)} results have an id that was not sent, {excerpt(json.dumps(unknown[0]))} for one")
    if doubled:
        said.append(f"{len(doubled)} ids are there twice, {doubled[0]} for one")
    place = next((sent.index(name) for name in (*lost, *doubled) if name in sent), 0)
    return IDS.found(
        Severity.FAIL,
        "Results cannot be joined to rollouts by their ids.",
        measured=f"{matched} of {len(sent)} matched",
        threshold="all, each once",
        fix=IDS.remedy,
        value=matched / len(sent),
        exhibits=[contact.exhibit(place, "; ".join(said))],
    )


def _share(count: int, of: int) -> str:
    return f"{count} of {of}"
