"""Reading a job and its events until the end."""

from __future__ import annotations

from typing import Any

import httpx
import httpx2
import pytest
import respx

from client.errors import ServiceError, Unreachable
from client.job_polling import list_all_events, poll_job, wait_for_final_checkpoints
from client.mantle_client import MantleClient
from tests.client.conftest import FakeClock
from tests.client.job_responses import JOBS, POLL_INTERVAL, make_error, make_job, make_page
from tests.client.mantle_stub import message_event, metrics_event


def test_only_terminal_statuses_end_the_polling(openai_client: MantleClient, router: respx.Router) -> None:
    """An unknown status does not."""
    statuses = ["validating_files", "queued", "paused_for_lunch", "running", "succeeded"]
    router.get(f"{JOBS}/ftjob-1").mock(side_effect=[httpx.Response(200, json=make_job(status)) for status in statuses])
    router.get(f"{JOBS}/ftjob-1/events").mock(return_value=make_page())
    polled = [
        result.job.status for result in poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL) if result.job
    ]
    assert polled == statuses


@pytest.mark.parametrize("newest_first", [True, False])
def test_each_event_is_returned_once_and_in_order(
    openai_client: MantleClient, router: respx.Router, newest_first: bool
) -> None:
    """The service may list the newest or the oldest first."""
    log = [metrics_event(step, 250) for step in range(1, 251)]
    counts = iter([10, 130, 250])
    state = {"logged": 0}

    def retrieve(request: httpx.Request) -> httpx.Response:
        state["logged"] = next(counts)
        return httpx.Response(200, json=make_job("succeeded" if state["logged"] == 250 else "running"))

    def list_events(request: httpx.Request) -> httpx.Response:
        wire = log[: state["logged"]]
        wire = wire[::-1] if newest_first else wire
        after = request.url.params.get("after")
        start = 1 + [event["id"] for event in wire].index(after) if after else 0
        return make_page(*wire[start : start + 100], has_more=start + 100 < len(wire))

    router.get(f"{JOBS}/ftjob-1").mock(side_effect=retrieve)
    router.get(f"{JOBS}/ftjob-1/events").mock(side_effect=list_events)
    steps = [
        event.step
        for update in poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL)
        for event in update.events
    ]
    assert steps == list(range(1, 251))


def test_paging_stops_at_the_first_known_event(openai_client: MantleClient, router: respx.Router) -> None:
    """With the newest first. Only the read after the end fetches all pages."""
    newest_first = [metrics_event(step, 300) for step in range(250, 0, -1)]
    router.get(f"{JOBS}/ftjob-1").mock(
        side_effect=[httpx.Response(200, json=make_job(status)) for status in ("running", "running", "succeeded")]
    )

    def list_events(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        start = 1 + [event["id"] for event in newest_first].index(after) if after else 0
        return make_page(*newest_first[start : start + 100], has_more=start + 100 < 250)

    events = router.get(f"{JOBS}/ftjob-1/events").mock(side_effect=list_events)
    counts = [events.call_count for _ in poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL)]
    assert counts == [3, 4, 7]


def test_a_server_that_ignores_the_cursor_causes_no_endless_loop(
    openai_client: MantleClient, router: respx.Router
) -> None:
    """The server returns the same page to every request."""
    router.get(f"{JOBS}/ftjob-1/events").mock(return_value=make_page(metrics_event(1, 2), has_more=True))
    assert [event.step for event in list_all_events(openai_client, "ftjob-1")] == [1]


def test_events_of_the_same_second_keep_their_order(openai_client: MantleClient, router: respx.Router) -> None:
    """Their times have whole seconds only."""
    log = [message_event(number, str(number), at=7) for number in range(3)]
    router.get(f"{JOBS}/ftjob-1/events").mock(return_value=make_page(*reversed(log)))
    assert [event.message for event in list_all_events(openai_client, "ftjob-1")] == ["0", "1", "2"]


def test_polling_retries_transient_failures(
    openai_client: MantleClient, router: respx.Router, clock: FakeClock
) -> None:
    """Throttling, server errors, time-outs and cut connections; a success resets the delay."""
    router.get(f"{JOBS}/ftjob-1").mock(
        side_effect=[
            make_error(429, **{"retry-after": "4"}),
            make_error(500),
            httpx.Response(200, json=make_job("running")),
            httpx2.ReadTimeout("slow"),
            httpx2.RemoteProtocolError("cut"),
            httpx.Response(200, json=make_job("succeeded")),
        ]
    )
    router.get(f"{JOBS}/ftjob-1/events").mock(return_value=make_page())
    outcomes = [
        str(update.failure.reason) if update.failure else update.job.status if update.job else ""
        for update in poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL)
    ]
    assert outcomes == [
        "the service asks to slow down (429)",
        "the service answered 500",
        "running",
        "no answer in time",
        "no connection (cut)",
        "succeeded",
    ]
    assert clock.delays[:5] == [4.0, 2.0, 0.05, 1.0, 2.0]


def answer_with_lag(log: list[dict[str, Any]], visible_counts: list[int]) -> Any:
    """Answer each read with the first so many entries, newest first; further reads get the last number."""
    counts = iter(visible_counts)
    state = {"last": 0}

    def list_events(_: httpx.Request) -> httpx.Response:
        state["last"] = next(counts, state["last"])
        return make_page(*reversed(log[: state["last"]]))

    return list_events


def test_events_that_are_listed_after_the_end_are_read(openai_client: MantleClient, router: respx.Router) -> None:
    """The list of events lags behind the job."""
    log = [metrics_event(step, 9) for step in range(1, 10)]
    end = make_job("succeeded", finished_at=log[-1]["created_at"])
    router.get(f"{JOBS}/ftjob-1").mock(return_value=httpx.Response(200, json=end))
    route = router.get(f"{JOBS}/ftjob-1/events").mock(side_effect=answer_with_lag(log, [2, 2, 5, 5, 5, 9]))
    updates = list(poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL))
    assert [event.step for update in updates for event in update.events] == list(range(1, 10))
    assert route.call_count == 7


def test_a_log_without_a_final_event_is_read_only_three_more_times(
    openai_client: MantleClient, router: respx.Router
) -> None:
    """The API does not promise an event as late as the end of the job."""
    end = make_job("succeeded", finished_at=4_000_000_000)
    router.get(f"{JOBS}/ftjob-1").mock(return_value=httpx.Response(200, json=end))
    route = router.get(f"{JOBS}/ftjob-1/events").mock(side_effect=answer_with_lag([metrics_event(1, 1)], [1]))
    list(poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL))
    assert route.call_count == 4


@pytest.mark.parametrize(("listed_steps", "reads"), [([0, 0, 20], 3), ([20], 1), ([0], 4)])
def test_late_checkpoints_are_waited_for_briefly(
    openai_client: MantleClient, router: respx.Router, listed_steps: list[int], reads: int
) -> None:
    """Until the last step has one, for four reads at most."""
    steps = iter([*listed_steps, *[listed_steps[-1]] * 9])

    def answer(_: httpx.Request) -> httpx.Response:
        checkpoint = {"id": "c", "step_number": next(steps), "fine_tuned_model_checkpoint": "m", "metrics": None}
        return make_page(checkpoint) if checkpoint["step_number"] else make_page()

    route = router.get(f"{JOBS}/ftjob-1/checkpoints").mock(side_effect=answer)
    checkpoints = wait_for_final_checkpoints(openai_client, "ftjob-1", last_step=20, poll_interval=POLL_INTERVAL)
    assert ([checkpoint.step for checkpoint in checkpoints], route.call_count) == (
        [listed_steps[-1]] if listed_steps[-1] else [],
        reads,
    )


def test_giving_up_names_the_command_to_resume(openai_client: MantleClient, router: respx.Router) -> None:
    """The polling ends and the job continues."""
    router.get(f"{JOBS}/ftjob-1").mock(side_effect=httpx2.ConnectError("refused"))
    with pytest.raises(Unreachable) as exc_info:
        list(poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL))
    assert exc_info.value.next_step == "The job continues; watch it again: rft watch ftjob-1"


def test_an_expired_key_names_the_command_to_resume(openai_client: MantleClient, router: respx.Router) -> None:
    """A retry cannot cure a 401; the job continues."""
    router.get(f"{JOBS}/ftjob-1").mock(return_value=make_error(401, "Bearer Token has expired"))
    with pytest.raises(ServiceError, match="The service answered 401: Bearer Token has expired") as exc_info:
        list(poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL))
    assert "rft watch ftjob-1" in str(exc_info.value.next_step)
