"""Creating a job once and following it over a bad line."""

from __future__ import annotations

import json
from typing import Any

import httpx
import httpx2
import openai
import pytest
import respx

from client.errors import JobCancelled, JobFailed, ServiceError, Unreachable
from client.job_polling import (
    Hyperparameters,
    JobSpec,
    create_job,
    list_all_events,
    poll_job,
    require_success,
    wait_for_final_checkpoints,
)
from client.mantle_client import Job, MantleClient
from client.retry_policy import PollInterval
from tests.client.conftest import FakeClock
from tests.client.mantle_stub import message_event, metrics_event

SPEC = JobSpec(
    model="openai.gpt-oss-20b",
    training_file="file-1",
    validation_file=None,
    function_arn="arn:aws:lambda:us-west-2:123456789012:function:rft-reward-lambda",
    hyperparameters=Hyperparameters(),
    content_digest="d",
)
POLL_INTERVAL = PollInterval(shortest=0.05, longest=1.0)
JOBS = "/fine_tuning/jobs"


def make_job(status: str, **fields: Any) -> dict[str, Any]:
    """A job as the service sends it."""
    return {"id": "ftjob-1", "object": "fine_tuning.job", "status": status, "model": "openai.gpt-oss-20b"} | fields


def make_page(*events: dict[str, Any], has_more: bool = False) -> httpx.Response:
    """One page of a list."""
    return httpx.Response(200, json={"object": "list", "data": list(events), "has_more": has_more})


def make_error(status: int, message: str = "no", **headers: str) -> httpx.Response:
    """An error body in the service's form."""
    body = {"error": {"code": "x", "message": message, "param": None, "type": "invalid_request_error"}}
    return httpx.Response(status, json=body, headers=headers)


def test_request_is_the_documented_one() -> None:
    """The grader, the three hyperparameters and a tag; nothing the service does not know."""
    assert SPEC.request_body() == {
        "model": "openai.gpt-oss-20b",
        "training_file": "file-1",
        "metadata": {"rft_run": SPEC.run_tag},
        "method": {
            "type": "reinforcement",
            "reinforcement": {
                "grader": {"type": "lambda", "lambda": {"function": SPEC.function_arn}},
                "hyperparameters": {"n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 1.0},
            },
        },
    }


def test_request_travels_whole(openai_client: MantleClient, router: respx.Router) -> None:
    """What the SDK puts on the wire is the order, grader included."""
    route = router.post(JOBS).respond(json=make_job("validating_files"))
    create_job(openai_client, SPEC)
    assert json.loads(route.calls.last.request.content) == SPEC.request_body()


@pytest.mark.parametrize(
    ("rows", "validated", "epochs", "steps"),
    [(300, False, 1, 67), (300, True, 1, 75), (100, False, 2, 44), (103, False, 1, 23)],
)
def test_steps_are_estimated(rows: int, validated: bool, epochs: int, steps: int) -> None:
    """300 rows in batches of 4 make the 67 steps of AWS's own run."""
    assert Hyperparameters(n_epochs=epochs).step_count(rows=rows, has_validation_file=validated) == steps


@pytest.mark.parametrize(
    "loss",
    [httpx2.ReadTimeout("slow"), httpx2.RemoteProtocolError("cut"), make_error(500), make_error(503)],
    ids=["time-out", "cut", "500", "503"],
)
def test_lost_response_creates_no_second_job(
    openai_client: MantleClient, router: respx.Router, loss: Any, notices: list[str]
) -> None:
    """When the answer is lost but the job was made, the job is found and taken over."""
    route = router.post(JOBS).mock(side_effect=[loss])
    others = make_job("succeeded", id="ftjob-0", training_file="file-0", metadata=None)
    ours = make_job("queued", training_file="file-1", metadata={"rft_run": SPEC.run_tag})
    router.get(JOBS).mock(return_value=make_page(ours, others))
    assert create_job(openai_client, SPEC).id == "ftjob-1"
    assert route.call_count == 1
    assert notices[-1] == "the answer was lost, but the job was made: ftjob-1."


def test_lost_request_is_made_again(openai_client: MantleClient, router: respx.Router) -> None:
    """When the job is not found, it is ordered again."""
    route = router.post(JOBS).mock(
        side_effect=[httpx2.ConnectError("refused"), httpx.Response(200, json=make_job("validating_files"))]
    )
    router.get(JOBS).mock(
        return_value=make_page(make_job("running", id="ftjob-9", training_file="file-1", metadata={"rft_run": "other"}))
    )
    assert create_job(openai_client, SPEC).id == "ftjob-1"
    assert route.call_count == 2


def test_throttled_create_is_retried_without_a_search(
    openai_client: MantleClient, router: respx.Router, clock: FakeClock
) -> None:
    """A 429 never made a job; its Retry-After is kept."""
    answers = [make_error(429, **{"retry-after": "3"}), httpx.Response(200, json=make_job("queued"))]
    router.post(JOBS).mock(side_effect=answers)
    create_job(openai_client, SPEC)
    assert clock.delays == [3.0]


def test_rejected_create_is_not_retried(openai_client: MantleClient, router: respx.Router) -> None:
    """A 400 is final."""
    route = router.post(JOBS).mock(return_value=make_error(400, "suffix is not supported"))
    with pytest.raises(openai.BadRequestError):
        create_job(openai_client, SPEC)
    assert route.call_count == 1


def test_giving_up_on_create_says_how_to_find_the_job(openai_client: MantleClient, router: respx.Router) -> None:
    """After an outage nobody knows whether a job exists, and the error does not pretend to."""
    router.post(JOBS).mock(return_value=make_error(502))
    router.get(JOBS).mock(return_value=make_page())
    with pytest.raises(Unreachable) as caught:
        create_job(openai_client, SPEC)
    assert caught.value.next_step == (
        f"A job may exist all the same: look for rft_run {SPEC.run_tag} with `rft jobs` before trying again."
    )


@pytest.mark.parametrize(
    ("listed", "kind"), [(make_error(503), Unreachable), (make_error(401), ServiceError)], ids=["outage", "expired key"]
)
def test_failed_search_says_how_to_find_the_job(
    openai_client: MantleClient, router: respx.Router, listed: httpx.Response, kind: type[Exception]
) -> None:
    """The order's answer was lost, and then the list could not be had either: the tag must not be lost with it."""
    router.post(JOBS).mock(side_effect=[make_error(500)])
    router.get(JOBS).mock(return_value=listed)
    with pytest.raises(kind) as caught:
        create_job(openai_client, SPEC)
    assert f"look for rft_run {SPEC.run_tag} with `rft jobs`" in str(getattr(caught.value, "next_step", None))


def test_a_refusal_after_a_lost_answer_says_how_to_look_for_the_job(
    openai_client: MantleClient, router: respx.Router
) -> None:
    """The list may have lagged: that the second order is refused does not undo the first."""
    router.post(JOBS).mock(side_effect=[make_error(500), make_error(401)])
    router.get(JOBS).mock(return_value=make_page())
    with pytest.raises(ServiceError) as caught:
        create_job(openai_client, SPEC)
    assert SPEC.run_tag in str(caught.value.next_step)


def test_unreadable_create_response_says_how_to_find_the_job(openai_client: MantleClient, router: respx.Router) -> None:
    """It came with a 200."""
    router.post(JOBS).respond(text="<html>")
    with pytest.raises(ServiceError) as caught:
        create_job(openai_client, SPEC)
    assert SPEC.run_tag in str(caught.value.next_step)


def test_create_that_was_always_throttled_made_no_job(openai_client: MantleClient, router: respx.Router) -> None:
    """Nobody is sent to look for it."""
    router.post(JOBS).mock(return_value=make_error(429, **{"retry-after": "7200"}))
    with pytest.raises(Unreachable) as caught:
        create_job(openai_client, SPEC)
    assert caught.value.next_step is None


def test_a_wait_that_is_too_long_holds_up_no_later_call(
    openai_client: MantleClient, router: respx.Router, clock: FakeClock
) -> None:
    """Who gave up because of it does not sleep through it at the next call, and does not ask before the time either."""
    look = router.get(f"{JOBS}/ftjob-1").mock(return_value=make_error(429, **{"retry-after": "7200"}))
    for _ in range(2):
        with pytest.raises(Unreachable, match="left alone for"):
            openai_client.get_job("ftjob-1")
    assert (clock.delays, look.call_count) == ([], 1)


def test_only_terminal_statuses_end_a_job(openai_client: MantleClient, router: respx.Router) -> None:
    """Waiting statuses, and ones nobody has heard of, keep the watch going."""
    statuses = ["validating_files", "queued", "paused_for_lunch", "running", "succeeded"]
    router.get(f"{JOBS}/ftjob-1").mock(side_effect=[httpx.Response(200, json=make_job(status)) for status in statuses])
    router.get(f"{JOBS}/ftjob-1/events").mock(return_value=make_page())
    seen = [
        update.job.status for update in poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL) if update.job
    ]
    assert seen == statuses


@pytest.mark.parametrize("newest_first", [True, False])
def test_events_come_once_and_in_order(openai_client: MantleClient, router: respx.Router, newest_first: bool) -> None:
    """Whichever way the service lists them, each event is seen once, oldest first."""
    log = [metrics_event(step, 250) for step in range(1, 251)]
    looks = iter([10, 130, 250])
    state = {"logged": 0}

    def retrieve(request: httpx.Request) -> httpx.Response:
        state["logged"] = next(looks)
        return httpx.Response(200, json=make_job("succeeded" if state["logged"] == 250 else "running"))

    def listed(request: httpx.Request) -> httpx.Response:
        wire = log[: state["logged"]]
        wire = wire[::-1] if newest_first else wire
        after = request.url.params.get("after")
        start = 1 + [event["id"] for event in wire].index(after) if after else 0
        return make_page(*wire[start : start + 100], has_more=start + 100 < len(wire))

    router.get(f"{JOBS}/ftjob-1").mock(side_effect=retrieve)
    router.get(f"{JOBS}/ftjob-1/events").mock(side_effect=listed)
    steps = [
        event.step
        for update in poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL)
        for event in update.events
    ]
    assert steps == list(range(1, 251))


def test_known_events_are_not_paged_through_again(openai_client: MantleClient, router: respx.Router) -> None:
    """Newest first, paging stops at the first known event; the last look alone reads to the end."""
    newest_first = [metrics_event(step, 300) for step in range(250, 0, -1)]
    router.get(f"{JOBS}/ftjob-1").mock(
        side_effect=[httpx.Response(200, json=make_job(status)) for status in ("running", "running", "succeeded")]
    )

    def listed(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        start = 1 + [event["id"] for event in newest_first].index(after) if after else 0
        return make_page(*newest_first[start : start + 100], has_more=start + 100 < 250)

    events = router.get(f"{JOBS}/ftjob-1/events").mock(side_effect=listed)
    counts = [events.call_count for _ in poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL)]
    assert counts == [3, 4, 7]


def test_server_that_ignores_the_cursor_is_survived(openai_client: MantleClient, router: respx.Router) -> None:
    """The same page for ever does not mean asking for ever."""
    router.get(f"{JOBS}/ftjob-1/events").mock(return_value=make_page(metrics_event(1, 2), has_more=True))
    assert [event.step for event in list_all_events(openai_client, "ftjob-1")] == [1]


def test_one_second_holds_several_events(openai_client: MantleClient, router: respx.Router) -> None:
    """Events of one second keep the service's order."""
    log = [message_event(number, str(number), at=7) for number in range(3)]
    router.get(f"{JOBS}/ftjob-1/events").mock(return_value=make_page(*reversed(log)))
    assert [event.message for event in list_all_events(openai_client, "ftjob-1")] == ["0", "1", "2"]


def test_polling_survives_transient_failures(
    openai_client: MantleClient, router: respx.Router, clock: FakeClock
) -> None:
    """Throttling, server errors, time-outs and cut connections are waited out; an answer resets the count."""
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
    told = [
        str(update.failure.reason) if update.failure else update.job.status if update.job else ""
        for update in poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL)
    ]
    assert told == [
        "the service asks to slow down (429)",
        "the service answered 500",
        "running",
        "no answer in time",
        "no connection (cut)",
        "succeeded",
    ]
    assert clock.delays[:5] == [4.0, 2.0, 0.05, 1.0, 2.0]


def answer_with_lag(log: list[dict[str, Any]], looks: list[int]) -> Any:
    """Answer looks at a log that shows so many of its entries, newest first; the last number holds for all others."""
    shown = iter(looks)
    state = {"last": 0}

    def listed(_: httpx.Request) -> httpx.Response:
        state["last"] = next(shown, state["last"])
        return make_page(*reversed(log[: state["last"]]))

    return listed


def test_events_that_are_listed_after_the_end_are_waited_for(openai_client: MantleClient, router: respx.Router) -> None:
    """The job has ended before its log tells of it: nothing of the log is missed."""
    log = [metrics_event(step, 9) for step in range(1, 10)]
    end = make_job("succeeded", finished_at=log[-1]["created_at"])
    router.get(f"{JOBS}/ftjob-1").mock(return_value=httpx.Response(200, json=end))
    looks = router.get(f"{JOBS}/ftjob-1/events").mock(side_effect=answer_with_lag(log, [2, 2, 5, 5, 5, 9]))
    updates = list(poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL))
    assert [event.step for update in updates for event in update.events] == list(range(1, 10))
    assert looks.call_count == 7


def test_log_without_final_event_is_polled_briefly(openai_client: MantleClient, router: respx.Router) -> None:
    """Nobody promises that it does: three looks without news are enough."""
    end = make_job("succeeded", finished_at=4_000_000_000)
    router.get(f"{JOBS}/ftjob-1").mock(return_value=httpx.Response(200, json=end))
    looks = router.get(f"{JOBS}/ftjob-1/events").mock(side_effect=answer_with_lag([metrics_event(1, 1)], [1]))
    list(poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL))
    assert looks.call_count == 4


@pytest.mark.parametrize(("listed", "looks"), [([0, 0, 20], 3), ([20], 1), ([0], 4)])
def test_checkpoints_that_are_listed_late_are_waited_for_and_not_for_long(
    openai_client: MantleClient, router: respx.Router, listed: list[int], looks: int
) -> None:
    """Until the last step has one."""
    pages = iter([*listed, *[listed[-1]] * 9])

    def answer(_: httpx.Request) -> httpx.Response:
        point = {"id": "c", "step_number": next(pages), "fine_tuned_model_checkpoint": "m", "metrics": None}
        return make_page(point) if point["step_number"] else make_page()

    route = router.get(f"{JOBS}/ftjob-1/checkpoints").mock(side_effect=answer)
    found = wait_for_final_checkpoints(openai_client, "ftjob-1", last_step=20, poll_interval=POLL_INTERVAL)
    assert ([point.step for point in found], route.call_count) == ([listed[-1]] if listed[-1] else [], looks)


def test_a_list_that_lags_hides_no_job_that_was_made(openai_client: MantleClient, router: respx.Router) -> None:
    """It is looked at repeatedly before another job is ordered."""
    route = router.post(JOBS).mock(side_effect=[httpx2.ReadTimeout("slow")])
    ours = make_job("queued", training_file="file-1", metadata={"rft_run": SPEC.run_tag})
    router.get(JOBS).mock(side_effect=[make_page(), make_page(), make_page(ours)])
    assert (create_job(openai_client, SPEC).id, route.call_count) == ("ftjob-1", 1)


def test_a_cancel_whose_answer_was_lost_is_no_failure(openai_client: MantleClient, router: respx.Router) -> None:
    """The second try finds the job cancelled, which is what was wanted."""
    router.post(f"{JOBS}/ftjob-1/cancel").mock(side_effect=[httpx2.ReadTimeout("slow"), make_error(400, "has ended")])
    router.get(f"{JOBS}/ftjob-1").mock(return_value=httpx.Response(200, json=make_job("cancelled")))
    assert openai_client.cancel_job("ftjob-1").status == "cancelled"


def test_a_job_that_has_succeeded_cannot_be_cancelled(openai_client: MantleClient, router: respx.Router) -> None:
    """The refusal stands."""
    router.post(f"{JOBS}/ftjob-1/cancel").mock(return_value=make_error(400, "has ended"))
    router.get(f"{JOBS}/ftjob-1").mock(return_value=httpx.Response(200, json=make_job("succeeded")))
    with pytest.raises(openai.BadRequestError):
        openai_client.cancel_job("ftjob-1")


def test_polling_gives_up_with_the_resume_command(openai_client: MantleClient, router: respx.Router) -> None:
    """Unbroken failure ends the watch, not the job, and the error says how to go on."""
    router.get(f"{JOBS}/ftjob-1").mock(side_effect=httpx2.ConnectError("refused"))
    with pytest.raises(Unreachable) as caught:
        list(poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL))
    assert caught.value.next_step == "The job goes on without us; watch it again: rft watch ftjob-1"


def test_expired_key_ends_polling_with_the_resume_command(openai_client: MantleClient, router: respx.Router) -> None:
    """A 401 will not pass by waiting; the job goes on all the same."""
    router.get(f"{JOBS}/ftjob-1").mock(return_value=make_error(401, "Bearer Token has expired"))
    with pytest.raises(ServiceError, match="The service answered 401: Bearer Token has expired") as caught:
        list(poll_job(openai_client, "ftjob-1", poll_interval=POLL_INTERVAL))
    assert "rft watch ftjob-1" in str(caught.value.next_step)


def test_jobs_are_paged(openai_client: MantleClient, router: respx.Router) -> None:
    """The list is read to its end, by the last id of each page."""

    def listed(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        return (
            make_page(make_job("running", id="ftjob-2"), has_more=True)
            if after is None
            else make_page(make_job("failed", id=f"after-{after}"))
        )

    router.get(JOBS).mock(side_effect=listed)
    assert [listed_job.id for listed_job in openai_client.list_jobs()] == ["ftjob-2", "after-ftjob-2"]


def test_failed_job_raises_its_own_error() -> None:
    """The job's own code, message and parameter are the error."""
    own = {"code": "grader_error", "message": "rollout r-1: no score", "param": "method"}
    with pytest.raises(JobFailed) as caught:
        require_success(Job(id="ftjob-1", status="failed", body={"error": own}))
    assert caught.value.message == "The job ftjob-1 failed: grader_error: rollout r-1: no score (param: method)"


def test_cancelled_job_is_no_success() -> None:
    """A cancelled job has its own outcome."""
    with pytest.raises(JobCancelled):
        require_success(Job(id="ftjob-1", status="cancelled", body={}))


def test_answer_that_is_no_json_is_refused(openai_client: MantleClient, router: respx.Router) -> None:
    """A proxy's login page is not taken for a job."""
    router.get(f"{JOBS}/ftjob-1").mock(return_value=httpx.Response(200, text="<html>Log in</html>"))
    with pytest.raises(ServiceError, match="no JSON object"):
        openai_client.get_job("ftjob-1")
