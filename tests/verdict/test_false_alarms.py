"""A client that does everything right is never found fault with, whatever the service does and whoever is beside it."""

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


@pytest.mark.shows("polite-clients")
@settings(max_examples=60, deadline=None)
@given(
    clients=st.lists(st.tuples(job_timelines, client_behaviors), min_size=1, max_size=4),
    share_a_key=st.booleans(),
    stopped=st.sampled_from([None, 1, 130]),
)
def test_no_order_of_polite_requests_is_found_fault_with(
    clients: list[tuple[JobTimeline, ClientBehavior]],
    share_a_key: bool,
    stopped: int | None,
) -> None:
    """Jobs of any length and end, any faults, several programs at once, connections kept or not, stopped or not."""
    stage = AuditScenario()
    programs = [
        WellBehavedClient(stage.client(f"one-{number}"), life, ways, job_id=f"ftjob-{number}")
        for number, (life, ways) in enumerate(clients)
    ]
    for program in programs:
        program.run()
    told = sorted((exchange for program in programs for exchange in program.exchanges), key=lambda each: each.ended_at)
    stage.now = max(exchange.ended_at for exchange in told) + 1
    for exchange in told:
        stage.auditor.record(replace(exchange, client="one") if share_a_key else exchange)
    for program in programs:
        stage.server_state.statuses[program.job_id] = program.timeline.end_status
        stage.server_state.listed_events[program.job_id] = program.listed_ids("events")
        stage.server_state.listed_checkpoints[program.job_id] = program.listed_ids("checkpoints")
    exit_code = 0 if all(program.has_succeeded for program in programs) else stopped
    for found in (stage.severity_by_rule(exit_code=exit_code), stage.severity_by_rule(is_final=False)):
        assert {rule: severity for rule, severity in found.items() if severity != "note"} == {}
