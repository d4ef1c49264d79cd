"""S2: check that each rollout has one result under its own id."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.sample_calls import (
    SampleCall,
    scores_single_rollout,
    send_first_call,
)
from simulator.doctor.timeout_budget import NoScoresError
from simulator.grading.grader_error import excerpt

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


def check_ids(context: ProbeContext) -> Iterator[Finding]:
    """S2: hold the ids that came back against those that were sent.

    Raises:
        NoAnswersError: after its finding, when neither this call nor a single rollout gives a usable score.
    """
    contact = send_first_call(context)
    results = [result for result in contact.results or () if isinstance(result, dict)]
    if contact.results is None or len(results) < len(contact.results):
        yield IDS.not_measured("There are no results that could have an id: see S1.")
    else:
        yield _id_finding(contact, [result.get("id") for result in results])
    if contact.error and not scores_single_rollout(context, contact):
        raise NoScoresError(contact.error)


def _id_finding(sample_call: SampleCall, returned_ids: Sequence[object]) -> Finding:
    """Return the finding on the ids of the results."""
    sent = sample_call.call.ids
    names = [name for name in returned_ids if isinstance(name, str)]
    lost = [name for name in sent if name not in names]
    unknown = [name for name in returned_ids if name not in sent]
    doubled = sorted({name for name in names if names.count(name) > 1})
    matched = len(sent) - len(lost)
    if not (lost or unknown or doubled):
        return IDS.ok("Each rollout has one result, under its own id.", measured=f"{matched} of {len(sent)} matched")
    said = []
    if lost:
        said.append(f"{len(lost)} of {len(sent)} rollouts have no result, {lost[0]} for one")
    if unknown:
        said.append(f"{len(unknown)} results have an id that was not sent, {excerpt(json.dumps(unknown[0]))} for one")
    if doubled:
        said.append(f"{len(doubled)} ids are there twice, {doubled[0]} for one")
    place = next((sent.index(name) for name in (*lost, *doubled) if name in sent), 0)
    return IDS.finding(
        Severity.FAIL,
        "Results cannot be joined to rollouts by their ids.",
        measured=f"{matched} of {len(sent)} matched",
        threshold="all, each once",
        fix=IDS.remedy,
        value=matched / len(sent),
        examples=[sample_call.example(place, "; ".join(said))],
    )
