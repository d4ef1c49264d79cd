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
        "The ids of an ordinary call's results are compared with those of its rollouts. A missing, unknown or "
        "repeated id is a failure."
    ),
    means="Rewards are joined to rollouts by id. With a wrong id, a rollout gets no reward, or the reward of another "
    "rollout.",
    remedy='Copy each element\'s "id" into its result, and return one result for each element.',
    source="DOCUMENTED: the id is echoed back. INFERRED: order does not matter.",
)


def check_ids(context: ProbeContext) -> Iterator[Finding]:
    """S2: compare the ids of the results with those of the rollouts.

    Raises:
        NoScoresError: after the finding, when neither this call nor a single rollout gives a usable score.
    """
    first_call = send_first_call(context)
    results = [result for result in first_call.results or () if isinstance(result, dict)]
    if first_call.results is None or len(results) < len(first_call.results):
        yield IDS.not_measured("There are no results with an id: see S1.")
    else:
        yield _id_finding(first_call, [result.get("id") for result in results])
    if first_call.error and not scores_single_rollout(context, first_call):
        raise NoScoresError(first_call.error)


def _id_finding(sample_call: SampleCall, returned_ids: Sequence[object]) -> Finding:
    sent_ids = sample_call.call.ids
    string_ids = [id_ for id_ in returned_ids if isinstance(id_, str)]
    missing_ids = [id_ for id_ in sent_ids if id_ not in string_ids]
    unknown_ids = [id_ for id_ in returned_ids if id_ not in sent_ids]
    repeated_ids = sorted({id_ for id_ in string_ids if string_ids.count(id_) > 1})
    matched_count = len(sent_ids) - len(missing_ids)
    if not (missing_ids or unknown_ids or repeated_ids):
        return IDS.ok(
            "Each rollout has one result under its own id.", measured=f"{matched_count} of {len(sent_ids)} matched"
        )
    notes = []
    if missing_ids:
        notes.append(f"{len(missing_ids)} of {len(sent_ids)} rollouts have no result, for example {missing_ids[0]}")
    if unknown_ids:
        notes.append(
            f"{len(unknown_ids)} results have an unknown id, for example {excerpt(json.dumps(unknown_ids[0]))}"
        )
    if repeated_ids:
        notes.append(f"{len(repeated_ids)} ids occur more than once, for example {repeated_ids[0]}")
    index = next((sent_ids.index(id_) for id_ in (*missing_ids, *repeated_ids) if id_ in sent_ids), 0)
    return IDS.finding(
        Severity.FAIL,
        "The ids of the results do not match the rollouts.",
        measured=f"{matched_count} of {len(sent_ids)} matched",
        threshold="all, once each",
        fix=IDS.remedy,
        value=matched_count / len(sent_ids),
        examples=[sample_call.example(index, "; ".join(notes))],
    )
