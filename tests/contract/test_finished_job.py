"""A job that succeeded on a real Lambda: its object, events, checkpoints and models, through the real SDK."""

import json
import re
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.fine_tuning import FineTuningJob

from simulator.settings import FIXED_EPOCH
from tests.key_order import METRIC_KEY_ORDER, find_unsorted_objects
from tests.simulators import BASE_MODEL, FinishedJob, RunningSimulator

STEPS = 27  # 120 records, a tenth held out, four a step

Objects = list[dict[str, Any]]


def job_events(finished_job: FinishedJob, served: RunningSimulator) -> Objects:
    """Return the job's events, oldest first."""
    return served.list_events(finished_job.id)


def metrics(finished_job: FinishedJob, served: RunningSimulator) -> Objects:
    """Return the job's metrics events, oldest first."""
    return [event for event in job_events(finished_job, served) if event["type"] == "metrics"]


def list_pages(served: RunningSimulator, path: str, *, limit: int) -> Iterator[dict[str, Any]]:
    """Page through a list as AWS's user guide does: after the last id, until `has_more` is false."""
    after: dict[str, str] = {}
    while True:
        page = served.http.get(path, params={"limit": limit, **after}).json()
        yield page
        if not page["has_more"]:
            return
        after = {"after": page["data"][-1]["id"]}


@pytest.mark.shows("GET /fine_tuning/jobs/{job}", "durations", "tuned-ids")
def test_the_job_succeeded(finished_job: FinishedJob) -> None:
    """The fields that changed since its creation. It seems to have taken hours."""
    job = finished_job.job
    changed = {
        name: job[name] for name in ("status", "error", "metadata", "result_files", "organization_id", "created_at")
    }
    assert changed == {
        "status": "succeeded",
        "error": None,
        "metadata": {"area": "shelves", "team": "maths"},
        "result_files": [],
        "organization_id": "123456789012",
        "created_at": FIXED_EPOCH,
    }
    assert re.fullmatch(r"ft:openai\.gpt-oss-20b:123456789012::[a-z2-7]{8}", job["fine_tuned_model"])
    assert 600 < job["finished_at"] - job["created_at"] < 6 * 3600
    assert job["trained_tokens"] > STEPS * 32


def test_the_sdk_keeps_the_lambda_grader(finished_job: FinishedJob, openai_client: OpenAI) -> None:
    """Although its types do not have one."""
    job = openai_client.fine_tuning.jobs.retrieve(finished_job.id)
    assert job.method
    assert job.method.reinforcement
    assert job.method.reinforcement.grader.to_dict() == {
        "lambda": {"function": finished_job.function},
        "type": "lambda",
    }
    assert (job.status, job.fine_tuned_model) == ("succeeded", finished_job.model)


@pytest.mark.shows("strict-validation")
def test_the_sdk_validates_the_job_except_for_its_grader(finished_job: FinishedJob) -> None:
    """Strictly, with a grader that its types have in place of the Lambda grader."""
    grader = {"type": "string_check", "name": "n", "input": "i", "reference": "r", "operation": "eq"}
    method = {"type": "reinforcement", "reinforcement": {"grader": grader}}
    job = FineTuningJob.model_validate(finished_job.job | {"method": method}, strict=True)
    assert job.id == finished_job.id


@pytest.mark.shows("strict-validation")
def test_the_sdk_validates_events_checkpoints_and_models_strictly(
    finished_job: FinishedJob, served_simulator: RunningSimulator
) -> None:
    """Every object of every list."""
    strict = served_simulator.openai_client(strict=True)
    events = list(strict.fine_tuning.jobs.list_events(finished_job.id, limit=7))
    checkpoints = list(strict.fine_tuning.jobs.checkpoints.list(finished_job.id))
    models = list(strict.models.list())
    assert (len(events), len(checkpoints), len(models)) == (len(job_events(finished_job, served_simulator)), 2, 6)


@pytest.mark.shows("wordings-of-events")
def test_the_events_cover_the_job_from_creation_to_end(
    finished_job: FinishedJob, served_simulator: RunningSimulator
) -> None:
    """Only the text of the metrics is known. The others are INFERRED."""
    training_file = finished_job.job["training_file"]
    steps = [f"Step {step}/{STEPS}: training metrics" for step in range(1, STEPS + 1)]
    steps.insert(20, "Checkpoint created at step 20")
    assert [event["message"] for event in job_events(finished_job, served_simulator)] == [
        "Fine-tuning job created",
        f"Validating training file: {training_file}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
        *steps,
        "Checkpoint created at step 27",
        "New fine-tuned model created",
        "The job has successfully completed",
    ]


@pytest.mark.shows("GET /fine_tuning/jobs/{job}/events")
def test_an_event_has_the_samples_keys(finished_job: FinishedJob, served_simulator: RunningSimulator) -> None:
    """A message has no data. Times never decrease."""
    events = job_events(finished_job, served_simulator)
    assert events[0] == {
        "created_at": FIXED_EPOCH,
        "data": None,
        "id": events[0]["id"],
        "level": "info",
        "message": "Fine-tuning job created",
        "object": "fine_tuning.job.event",
        "type": "message",
    }
    times = [event["created_at"] for event in events]
    assert times == sorted(times)
    assert len({event["id"] for event in events}) == len(events)


@pytest.mark.shows("metrics-event")
def test_a_metrics_event_has_exactly_the_samples_eight_keys_in_its_order(
    finished_job: FinishedJob, served_simulator: RunningSimulator
) -> None:
    """One event for each step, in order: two integers and six floats."""
    events = metrics(finished_job, served_simulator)
    assert [list(event["data"]) for event in events] == [METRIC_KEY_ORDER] * STEPS
    assert [event["data"]["step"] for event in events] == list(range(1, STEPS + 1))
    assert {event["data"]["total_steps"] for event in events} == {STEPS}
    whole = {"step", "total_steps"}
    for event in events:
        assert {name for name, value in event["data"].items() if isinstance(value, int)} == whole


@pytest.mark.shows("metrics-event")
def test_every_metric_is_a_single_precision_number(
    finished_job: FinishedJob, served_simulator: RunningSimulator
) -> None:
    """SAMPLE: 0.0008667297661304474 is a float32."""
    for event in metrics(finished_job, served_simulator):
        values = [value for value in event["data"].values() if isinstance(value, float)]
        assert values == [struct.unpack("f", struct.pack("f", value))[0] for value in values]


@pytest.mark.shows("rollouts")
def test_rewards_are_means_of_32_rollouts(finished_job: FinishedJob, served_simulator: RunningSimulator) -> None:
    """INFERRED from the sample's 0.4375 and 519.09375: multiples of 1/32 for scores of 0 and 1."""
    lengths = [event["data"]["response_length_mean"] * 32 for event in metrics(finished_job, served_simulator)]
    assert lengths == [round(length) for length in lengths]


@pytest.mark.shows("paging")
def test_events_are_listed_newest_first_and_paged_by_id(
    finished_job: FinishedJob, served_simulator: RunningSimulator
) -> None:
    """OPENAI. The pages together are the whole list."""
    path = f"/v1/fine_tuning/jobs/{finished_job.id}/events"
    paged = [event for page in list_pages(served_simulator, path, limit=5) for event in page["data"]]
    assert paged == job_events(finished_job, served_simulator)[::-1]
    default = served_simulator.http.get(path).json()
    assert (len(default["data"]), default["has_more"]) == (20, True)
    assert (default["first_id"], default["last_id"]) == (default["data"][0]["id"], default["data"][-1]["id"])


def test_the_last_page_has_no_more(finished_job: FinishedJob, served_simulator: RunningSimulator) -> None:
    """Also if the limit is exactly the rest."""
    count = len(job_events(finished_job, served_simulator))
    path = f"/v1/fine_tuning/jobs/{finished_job.id}/events"
    whole = served_simulator.http.get(path, params={"limit": count}).json()
    less = served_simulator.http.get(path, params={"limit": count - 1}).json()
    assert (whole["has_more"], less["has_more"]) == (False, True)


def test_another_jobs_event_is_no_cursor(
    finished_job: FinishedJob, served_simulator: RunningSimulator, openai_client: OpenAI
) -> None:
    """Nor is an unknown id."""
    other = served_simulator.run_job(b"{}\n")["id"]
    for after in (served_simulator.list_events(other)[0]["id"], "ft-event-abc123"):
        with pytest.raises(BadRequestError, match="No element with id"):
            openai_client.fine_tuning.jobs.list_events(finished_job.id, after=after)


@pytest.mark.shows("GET /fine_tuning/jobs/{job}/checkpoints", "checkpoints", "checkpoint-metrics", "ids-of-jobs")
def test_there_is_a_checkpoint_every_twenty_steps_and_at_the_end(
    finished_job: FinishedJob, served_simulator: RunningSimulator
) -> None:
    """Newest first. Its metrics are the held-out means."""
    listed = served_simulator.http.get(f"/v1/fine_tuning/jobs/{finished_job.id}/checkpoints").json()
    last, first = listed["data"]
    assert last == {
        "created_at": finished_job.job["finished_at"],
        "fine_tuned_model_checkpoint": f"{finished_job.model}:ckpt-step-27",
        "fine_tuning_job_id": finished_job.id,
        "id": last["id"],
        "metrics": {
            "step": 27,
            "validation_response_length_mean": last["metrics"]["validation_response_length_mean"],
            "validation_reward_mean": last["metrics"]["validation_reward_mean"],
        },
        "object": "fine_tuning.job.checkpoint",
        "step_number": 27,
    }
    assert (first["step_number"], first["metrics"]["step"]) == (20, 20)
    assert re.fullmatch(r"ftckpt-[0-9a-f-]{36}", first["id"])


def test_checkpoints_are_paged_by_id(
    finished_job: FinishedJob, served_simulator: RunningSimulator, openai_client: OpenAI
) -> None:
    """One on each page."""
    path = f"/v1/fine_tuning/jobs/{finished_job.id}/checkpoints"
    assert [len(page["data"]) for page in list_pages(served_simulator, path, limit=1)] == [1, 1]
    paged = openai_client.fine_tuning.jobs.checkpoints.list(finished_job.id, limit=1)
    assert [checkpoint.step_number for checkpoint in paged] == [27, 20]


def test_an_events_id_is_no_cursor_of_checkpoints(
    finished_job: FinishedJob, served_simulator: RunningSimulator, openai_client: OpenAI
) -> None:
    """Each list has its own ids."""
    with pytest.raises(BadRequestError, match="No element with id"):
        openai_client.fine_tuning.jobs.checkpoints.list(
            finished_job.id, after=job_events(finished_job, served_simulator)[0]["id"]
        )


@pytest.mark.shows("checkpoints")
def test_a_job_that_did_not_train_has_no_checkpoints(served_simulator: RunningSimulator) -> None:
    """An empty list, not a 404."""
    failed = served_simulator.run_job(b"{}\n")["id"]
    assert served_simulator.http.get(f"/v1/fine_tuning/jobs/{failed}/checkpoints").json() == {
        "data": [],
        "first_id": None,
        "has_more": False,
        "last_id": None,
        "object": "list",
    }


def test_a_job_that_succeeded_cannot_be_cancelled(
    finished_job: FinishedJob, served_simulator: RunningSimulator, openai_client: OpenAI
) -> None:
    """It stays unchanged."""
    with pytest.raises(BadRequestError, match="it has ended with status 'succeeded'"):
        openai_client.fine_tuning.jobs.cancel(finished_job.id)
    assert served_simulator.retrieve_job(finished_job.id) == finished_job.job


@pytest.mark.shows("GET /models", "other-models", "tuned-ids")
def test_the_models_are_the_base_models_and_the_tuned_ones(
    finished_job: FinishedJob, served_simulator: RunningSimulator
) -> None:
    """OBSERVED form, with `status`. INFERRED: tuned models are listed."""
    model = finished_job.model
    created = finished_job.job["finished_at"]
    listed = served_simulator.http.get("/v1/models")
    assert [item["id"] for item in listed.json()["data"]][:4] == [
        "openai.gpt-oss-120b",
        "openai.gpt-oss-20b",
        "qwen.qwen3-32b",
        f"{model}:ckpt-step-20",
    ]
    assert {"created": created, "id": model, "object": "model", "owned_by": "123456789012", "status": "available"} in (
        listed.json()["data"]
    )
    assert (sorted(listed.json()), find_unsorted_objects(listed.text)) == (["data", "object"], [])


@pytest.mark.shows("GET /models/{model}", "model-object")
@pytest.mark.parametrize(
    ("name", "owner"), [(BASE_MODEL, "openai"), ("openai.gpt-oss-120b", "openai"), ("qwen.qwen3-32b", "qwen")]
)
def test_a_base_model_is_retrieved(openai_client: OpenAI, name: str, owner: str) -> None:
    """As it is listed."""
    assert openai_client.models.retrieve(name).to_dict() == {
        "created": 1_750_000_000,
        "id": name,
        "object": "model",
        "owned_by": owner,
        "status": "available",
    }


@pytest.mark.shows("alias", "name-echoed")
def test_an_alias_retrieves_its_model(openai_client: OpenAI) -> None:
    """SAMPLE: one notebook uses it."""
    assert openai_client.models.retrieve("qwen.qwen3-32b-v1:0").id == "qwen.qwen3-32b"


@pytest.mark.parametrize("suffix", ["", ":ckpt-step-20", ":ckpt-step-27"])
def test_a_tuned_model_and_its_checkpoints_are_retrieved(
    finished_job: FinishedJob, openai_client: OpenAI, suffix: str
) -> None:
    """By the ids in the job and its checkpoints."""
    assert openai_client.models.retrieve(finished_job.model + suffix).id == finished_job.model + suffix


@pytest.mark.shows("other-models")
@pytest.mark.parametrize(
    "name", ["gpt-4o", "ft:openai.gpt-oss-20b:1::x", "arn:aws:bedrock:us-west-2::model/x/y", "a b"]
)
def test_an_unknown_model_is_not_found(openai_client: OpenAI, name: str) -> None:
    """OBSERVED verbatim. An id may contain slashes."""
    with pytest.raises(NotFoundError) as answer:
        openai_client.models.retrieve(name)
    assert answer.value.body == {
        "code": "not_found_error",
        "message": f"The model '{name}' does not exist",
        "param": None,
        "type": "invalid_request_error",
    }


@pytest.mark.shows("key-order")
@pytest.mark.parametrize("of", ["", "/events", "/checkpoints"])
def test_every_object_has_its_keys_in_alphabetical_order(
    finished_job: FinishedJob, served_simulator: RunningSimulator, of: str
) -> None:
    """As Mantle sends them (OBSERVED). Only a metrics event's `data` has the sample's order."""
    body = served_simulator.http.get(f"/v1/fine_tuning/jobs/{finished_job.id}{of}", params={"limit": 1000}).text
    assert find_unsorted_objects(body) == ([METRIC_KEY_ORDER] * STEPS if of == "/events" else [])


@pytest.mark.slow
def test_two_jobs_with_the_same_inputs_have_the_same_log(
    finished_job: FinishedJob, served_simulator: RunningSimulator
) -> None:
    """Also concurrently: neither order nor concurrency changes a random draw."""
    file = served_simulator.upload(finished_job.content)
    jobs = [served_simulator.create_job(file, function=finished_job.function)["id"] for _ in range(2)]
    metrics_by_job = [
        [
            event["data"]
            for event in served_simulator.list_events(served_simulator.wait_for_job(job)["id"])
            if event["type"] == "metrics"
        ]
        for job in jobs
    ]
    assert (
        metrics_by_job[0] == metrics_by_job[1] == [event["data"] for event in metrics(finished_job, served_simulator)]
    )


def test_a_get_changes_nothing(finished_job: FinishedJob, served_simulator: RunningSimulator) -> None:
    """Every view of the job twice, byte for byte."""
    path = f"/v1/fine_tuning/jobs/{finished_job.id}"
    for ask in (path, f"{path}/events", f"{path}/checkpoints", "/v1/models", "/v1/fine_tuning/jobs", "/v1/files"):
        assert served_simulator.http.get(ask).content == served_simulator.http.get(ask).content


def test_the_log_of_a_job_has_what_the_api_does_not(
    finished_job: FinishedJob, served_simulator: RunningSimulator
) -> None:
    """The rewards of the function, and the hidden truth of each step. Bedrock shows neither."""
    lines = served_simulator.http.get(f"/_simulator/jobs/{finished_job.id}/log").text.splitlines()
    graded = [entry for entry in map(json.loads, lines) if entry["event"] == "RolloutsGraded"]
    truth = served_simulator.http.get(f"/_simulator/jobs/{finished_job.id}/truth").json()
    assert [entry["step"] for entry in graded if entry["split"] == "train"] == list(range(1, STEPS + 1))
    assert [step["step"] for step in truth["steps"]] == list(range(1, STEPS + 1))
    published = served_simulator.http.get(f"/v1/fine_tuning/jobs/{finished_job.id}/events", params={"limit": 1000}).text
    assert not set(truth["steps"][0]) - {"reward_mean", "step"} & set(re.findall(r'"(\w+)":', published))


def test_the_rollouts_of_a_job_can_be_read(finished_job: FinishedJob, served_simulator: RunningSimulator) -> None:
    """Each with its text and its reward, as input for another version of the reward function."""
    answer = served_simulator.http.get(f"/_simulator/jobs/{finished_job.id}/rollouts")
    rollouts = [json.loads(line) for line in answer.text.splitlines()]
    trained = [rollout for rollout in rollouts if rollout["split"] == "train"]
    steps = [event["data"] for event in metrics(finished_job, served_simulator)]
    means = [
        struct.unpack("<f", struct.pack("<f", sum(rollout["reward"] for rollout in trained[start : start + 32]) / 32))[
            0
        ]
        for start in range(0, len(trained), 32)
    ]
    assert means == [step["critic_rewards_mean"] for step in sorted(steps, key=lambda step: step["step"])]
    assert sorted(trained[0]) == [
        *("correct", "exploit", "id", "index", "line", "reasoning", "record", "response", "reward", "split", "step")
    ]


def test_the_rollouts_of_an_unknown_job_are_not_found(served_simulator: RunningSimulator) -> None:
    """As every other view of it."""
    assert served_simulator.http.get("/_simulator/jobs/ftjob-none/rollouts").status_code == 404
