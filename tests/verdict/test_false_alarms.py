"""A client without mistakes gets a clean verdict, whatever the service and other clients do."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verdict.audit_scenario import AuditScenario
from tests.verdict.well_behaved_client import (
    ClientBehavior,
    JobTimeline,
    WellBehavedClient,
    client_behaviors,
    job_timelines,
)


@pytest.mark.slow
@pytest.mark.shows("polite-clients")
@settings(max_examples=40)
@given(
    clients=st.lists(st.tuples(job_timelines, client_behaviors), min_size=1, max_size=4),
    share_a_key=st.booleans(),
    exit_code_of_failure=st.sampled_from([None, 1, 130]),
)
def test_clients_without_mistakes_get_a_clean_verdict(
    clients: list[tuple[JobTimeline, ClientBehavior]],
    share_a_key: bool,
    exit_code_of_failure: int | None,
) -> None:
    """Jobs of any length and end, any faults, concurrent programs, kept or new connections, interrupted or not."""
    scenario = AuditScenario()
    programs = [
        WellBehavedClient(scenario.client(f"one-{number}"), timeline, behavior, job_id=f"ftjob-{number}")
        for number, (timeline, behavior) in enumerate(clients)
    ]
    for program in programs:
        program.run()
        scenario.server_state.statuses[program.job_id] = program.timeline.end_status
        scenario.server_state.listed_events[program.job_id] = program.listed_ids("events")
        scenario.server_state.listed_checkpoints[program.job_id] = program.listed_ids("checkpoints")
    exchanges = sorted((each for program in programs for each in program.exchanges), key=lambda each: each.ended_at)
    scenario.now = max(exchange.ended_at for exchange in exchanges) + 1
    for exchange in exchanges:
        scenario.auditor.record(replace(exchange, client="one") if share_a_key else exchange)
    exit_code = 0 if all(program.has_succeeded for program in programs) else exit_code_of_failure
    for severities in (scenario.severity_by_rule(exit_code=exit_code), scenario.severity_by_rule(is_final=False)):
        assert {rule: severity for rule, severity in severities.items() if severity != "note"} == {}
