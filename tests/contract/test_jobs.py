"""`/v1/fine_tuning/jobs` through the real SDK before a job runs: create, list, retrieve and cancel."""

from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, BadRequestError, NotFoundError

from simulator.identity.session_key import create_session_key
from simulator.settings import FIXED_EPOCH, ConsistencySettings, Pace, Settings
from simulator.training.dataset import DatasetLimits
from tests.key_order import find_unsorted_objects
from tests.simulators import (
    BASE_MODEL,
    MISSING_FUNCTION_ARN,
    RunningSimulator,
    reinforcement_method,
    simulator_in_process,
)
from tests.training.training_files import make_training_file

TUNING = "method.reinforcement.hyperparameters"


def error_object(message: str, *, code: str = "validation_error", param: str | None = None) -> dict[str, Any]:
    """Return the expected error object."""
    return {"code": code, "message": message, "param": param, "type": "invalid_request_error"}


def create_job(simulator: RunningSimulator, **fields: Any) -> tuple[int, Any]:
    """Create a job on a valid file with some fields changed; return status and error object."""
    body = {
        "model": BASE_MODEL,
        "training_file": simulator.upload(make_training_file(1)),
        "method": reinforcement_method(),
        **fields,
    }
    answer = simulator.http.post("/v1/fine_tuning/jobs", json=body)
    return answer.status_code, answer.json()["error"]


@pytest.mark.shows("POST /fine_tuning/jobs", "fields-of-create", "job-object", "hyperparameters")
def test_a_new_job_has_every_key(polled_simulator: RunningSimulator) -> None:
    """In alphabetical order. A value that is not known yet is null."""
    file = polled_simulator.upload(make_training_file(100))
    answer = polled_simulator.openai_client().fine_tuning.jobs.with_raw_response.create(
        model=BASE_MODEL,
        training_file=file,
        extra_body={
            "method": reinforcement_method(MISSING_FUNCTION_ARN, n_epochs=1, batch_size=4, learning_rate_multiplier=1.0)
        },
        metadata={"team": "maths", "area": "shelves"},
        seed=11,
    )
    job = answer.http_response.json()
    assert job == {
        "created_at": FIXED_EPOCH,
        "error": None,
        "estimated_finish": None,
        "fine_tuned_model": None,
        "finished_at": None,
        "hyperparameters": {"batch_size": None, "learning_rate_multiplier": None, "n_epochs": None},
        "id": job["id"],
        "integrations": [],
        "metadata": {"area": "shelves", "team": "maths"},
        "method": {
            "reinforcement": {
                "grader": {"lambda": {"function": MISSING_FUNCTION_ARN}, "type": "lambda"},
                "hyperparameters": {"batch_size": 4, "learning_rate_multiplier": 1.0, "n_epochs": 1},
            },
            "type": "reinforcement",
        },
        "model": BASE_MODEL,
        "object": "fine_tuning.job",
        "organization_id": "123456789012",
        "result_files": [],
        "seed": 11,
        "status": "validating_files",
        "trained_tokens": None,
        "training_file": file,
        "validation_file": None,
    }
    assert find_unsorted_objects(answer.http_response.text) == []


@pytest.mark.shows("other-hyperparameters")
def test_absent_and_auto_hyperparameters_are_filled_in(polled_simulator: RunningSimulator) -> None:
    """INFERRED defaults. OpenAI's other hyperparameters stay as sent."""
    file = polled_simulator.upload(make_training_file(100))
    bare = polled_simulator.create_job(file)["method"]["reinforcement"]["hyperparameters"]
    hyperparameters = {
        "n_epochs": "auto",
        "batch_size": "auto",
        "learning_rate_multiplier": "auto",
        "eval_interval": "auto",
    }
    auto = polled_simulator.create_job(file, method=reinforcement_method(**hyperparameters))["method"]["reinforcement"][
        "hyperparameters"
    ]
    assert bare == {"batch_size": 4, "learning_rate_multiplier": 1.0, "n_epochs": 1}
    assert auto == bare | {"eval_interval": "auto"}


def test_an_integer_multiplier_is_valid(polled_simulator: RunningSimulator) -> None:
    """JavaScript writes 1 for 1.0."""
    job = polled_simulator.create_job(
        polled_simulator.upload(make_training_file(100)), method=reinforcement_method(learning_rate_multiplier=2)
    )
    assert job["method"]["reinforcement"]["hyperparameters"]["learning_rate_multiplier"] == 2


@pytest.mark.shows("fields-of-create")
def test_a_job_names_its_validation_file(polled_simulator: RunningSimulator) -> None:
    """DOCUMENTED indirectly: CloudTrail records it."""
    validation = polled_simulator.upload(make_training_file(100))
    assert (
        polled_simulator.create_job(polled_simulator.upload(make_training_file(100)), validation_file=validation)[
            "validation_file"
        ]
        == validation
    )


@pytest.mark.shows("alias", "name-echoed")
def test_an_alias_creates_a_job_on_its_model(polled_simulator: RunningSimulator) -> None:
    """SAMPLE: one notebook uses the id of the sibling API."""
    assert (
        polled_simulator.create_job(polled_simulator.upload(make_training_file(100)), model="qwen.qwen3-32b-v1:0")[
            "model"
        ]
        == "qwen.qwen3-32b"
    )


def test_the_seed_depends_on_the_inputs(polled_simulator: RunningSimulator) -> None:
    """The same inputs give the same seed, so that two versions of a function can be compared step by step."""
    file, other = polled_simulator.upload(make_training_file(100)), polled_simulator.upload(make_training_file(101))
    seeds = [polled_simulator.create_job(one)["seed"] for one in (file, file, other)]
    assert seeds[0] == seeds[1] != seeds[2]
    assert all(0 <= seed < 2**31 for seed in seeds)


@pytest.mark.shows("refused-at-once")
@pytest.mark.parametrize("field", ["training_file", "validation_file"])
@pytest.mark.parametrize("name", ["file-abc123", "", "../train.jsonl"])
def test_an_unknown_file_is_refused_at_creation(local_simulator: RunningSimulator, field: str, name: str) -> None:
    """Missing, deleted or another project's: the error is the same."""
    assert create_job(local_simulator, **{field: name}) == (
        404,
        error_object(f"The file '{name}' does not exist", code="not_found_error"),
    )


def test_a_deleted_file_is_an_unknown_file(local_simulator: RunningSimulator) -> None:
    """A new job cannot use it."""
    deleted = local_simulator.upload(make_training_file(100))
    local_simulator.openai_client().files.delete(deleted)
    assert create_job(local_simulator, training_file=deleted)[0] == 404


@pytest.mark.shows("refused-at-once")
@pytest.mark.parametrize("model", ["gpt-4o-mini", "", "openai.gpt-oss-20b-1:0", BASE_MODEL.upper()])
def test_an_unknown_model_is_refused_at_creation(local_simulator: RunningSimulator, model: str) -> None:
    """OBSERVED text, `param` null."""
    assert create_job(local_simulator, model=model) == (
        404,
        error_object(f"The model '{model}' does not exist", code="not_found_error"),
    )


@pytest.mark.shows("refused-at-once")
@pytest.mark.parametrize("model", ["openai.gpt-oss-120b", "ft:openai.gpt-oss-20b:123456789012::abcdefgh"])
def test_a_model_that_cannot_be_tuned_is_refused_at_creation(local_simulator: RunningSimulator, model: str) -> None:
    """A base model that is not tunable, or a tuned model."""
    assert create_job(local_simulator, model=model) == (
        400,
        error_object(f"The model '{model}' does not support fine-tuning", param="model"),
    )


@pytest.mark.shows("regions", "other-regions")
def test_in_another_region_no_model_can_be_tuned() -> None:
    """DOCUMENTED: us-west-2 only. Lists are empty. Create is refused by the region, not by its file."""
    with simulator_in_process(Settings(region="us-east-1")) as simulator:
        simulator.http.headers["authorization"] = f"Bearer {create_session_key('us-east-1')}"
        for path in ("/v1/files", "/v1/fine_tuning/jobs"):
            listed = simulator.http.get(path)
            assert (listed.status_code, listed.json()["data"]) == (200, [])
        body = {"model": BASE_MODEL, "training_file": "uploaded-in-another-region", "method": reinforcement_method()}
        answer = simulator.http.post("/v1/fine_tuning/jobs", json=body)
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        error_object(f"The model '{BASE_MODEL}' does not support fine-tuning", param="model"),
    )
    assert answer.headers["x-simulator-hint"] == (
        "reinforcement fine-tuning is offered in us-west-2 only, and this simulator is us-east-1"
    )


@pytest.mark.shows("refused-at-once", "suffix", "other-hyperparameters")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"suffix": "mine"},
            error_object(
                "Unsupported parameter: 'suffix' is not supported.", code="unsupported_parameter", param="suffix"
            ),
        ),
        (
            {"method": {"type": "supervised"}},
            error_object("Invalid 'method.type': input should be 'reinforcement'.", param="method.type"),
        ),
        (
            {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1}}}},
            error_object("Invalid 'method.type': input should be 'reinforcement'.", param="method.type"),
        ),
        (
            {"method": {"type": "reinforcement", "reinforcement": {"grader": {"type": "python", "source": "x"}}}},
            error_object(
                "Invalid 'method.reinforcement.grader.type': input should be 'lambda'.",
                param="method.reinforcement.grader.type",
            ),
        ),
        (
            {"method": {"type": "reinforcement"}},
            error_object(
                "Missing required parameter: 'method.reinforcement'.",
                code="missing_required_parameter",
                param="method.reinforcement",
            ),
        ),
        (
            {
                "method": {
                    "type": "reinforcement",
                    "reinforcement": {"grader": {"type": "lambda", "lambda_arn": MISSING_FUNCTION_ARN}},
                }
            },
            error_object(
                "Missing required parameter: 'method.reinforcement.grader.lambda'.",
                code="missing_required_parameter",
                param="method.reinforcement.grader.lambda",
            ),
        ),
        (
            {"method": reinforcement_method(n_epochs=0)},
            error_object(
                f"Invalid '{TUNING}.n_epochs': integer below minimum value. Expected a value >= 1, but got 0 instead.",
                code="integer_below_min_value",
                param=f"{TUNING}.n_epochs",
            ),
        ),
        (
            {"method": reinforcement_method(training_sample_per_prompt=4)},
            error_object(
                f"Unsupported parameter: '{TUNING}.training_sample_per_prompt' is not supported.",
                code="unsupported_parameter",
                param=f"{TUNING}.training_sample_per_prompt",
            ),
        ),
    ],
)
def test_an_invalid_job_request_is_refused_at_creation(
    local_simulator: RunningSimulator, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    """400 with the envelope, and no job. tests/wire has the long list."""
    assert create_job(local_simulator, **fields) == (400, expected)
    assert local_simulator.http.get("/v1/fine_tuning/jobs").json()["data"] == []


def test_an_invalid_arn_is_refused_at_creation(local_simulator: RunningSimulator) -> None:
    """By its field."""
    status, error = create_job(local_simulator, method=reinforcement_method("my-reward-function"))
    assert (status, error["code"], error["param"]) == (
        400,
        "validation_error",
        "method.reinforcement.grader.lambda.function",
    )


def test_a_job_without_a_method_is_refused(local_simulator: RunningSimulator) -> None:
    """Without `method` OpenAI does supervised tuning, which is not offered here."""
    with pytest.raises(BadRequestError) as answer:
        local_simulator.openai_client().fine_tuning.jobs.create(
            model=BASE_MODEL, training_file=local_simulator.upload(make_training_file(100))
        )
    assert answer.value.body == error_object(
        "Invalid 'method.type': input should be 'reinforcement'.", param="method.type"
    )


@pytest.mark.shows("suffix")
def test_suffix_may_be_ignored_by_setting() -> None:
    """Whether the real service refuses or ignores it is unknown."""
    with simulator_in_process(Settings(ignored_job_fields=("suffix",), pace=Pace.POLL)) as simulator:
        assert (
            simulator.create_job(simulator.upload(make_training_file(100)), suffix="mine")["status"]
            == "validating_files"
        )


def test_jobs_are_listed_newest_first_and_paged_by_the_sdk(polled_simulator: RunningSimulator) -> None:
    """The SDK continues after the last id of each page."""
    file = polled_simulator.upload(make_training_file(100))
    ids = [polled_simulator.create_job(file)["id"] for _ in range(5)]
    jobs = polled_simulator.openai_client().fine_tuning.jobs
    assert [job.id for job in jobs.list(limit=2)] == ids[::-1]
    assert [job.id for job in jobs.list(limit=200)] == ids[::-1]


@pytest.mark.shows("GET /fine_tuning/jobs", "paging")
def test_a_page_of_jobs_has_twenty_by_default(polled_simulator: RunningSimulator) -> None:
    """AWS's notebook requests 200."""
    file = polled_simulator.upload(make_training_file(100))
    ids = [polled_simulator.create_job(file)["id"] for _ in range(21)]
    first = polled_simulator.http.get("/v1/fine_tuning/jobs").json()
    whole = polled_simulator.http.get("/v1/fine_tuning/jobs", params={"limit": 200})
    assert ([job["id"] for job in first["data"]], first["has_more"]) == (ids[:0:-1], True)
    assert ([job["id"] for job in whole.json()["data"]], whole.json()["has_more"]) == (ids[::-1], False)
    assert find_unsorted_objects(whole.text) == []


@pytest.mark.shows("concurrency")
def test_a_job_beyond_the_limit_of_concurrent_jobs_waits_queued() -> None:
    """INFERRED: Bedrock publishes no limit. It starts when the other one is cancelled."""
    with simulator_in_process(Settings(pace=Pace.POLL, concurrent_jobs=1)) as simulator:
        file = simulator.upload(make_training_file(100))
        first, second = (simulator.create_job(file)["id"] for _ in range(2))
        waiting = [simulator.retrieve_job(second)["status"] for _ in range(5)][-1]
        simulator.openai_client().fine_tuning.jobs.cancel(first)
        ended = [simulator.retrieve_job(second)["status"] for _ in range(3)][-1]
    assert (waiting, ended) == ("queued", "failed")  # its function was never deployed, which is checked at its start


@pytest.mark.shows("prompt-length")
def test_a_prompt_over_the_limit_fails_its_job_with_its_line() -> None:
    """INFERRED: Bedrock publishes no limit, so there is none by default."""
    limits = DatasetLimits(min_records=1, max_prompt_tokens=40)
    records = make_training_file(2) + b'{"messages": [{"role": "user", "content": "' + b"word " * 60 + b'"}]}\n'
    with simulator_in_process(Settings(dataset=limits)) as simulator:
        job = simulator.run_job(records)
    assert job["error"] == {
        "code": "invalid_training_file",
        "message": "The training file is invalid: line 3: the prompt is about 79 tokens; at most 40 are allowed: "
        "shorten it",
        "param": "training_file",
    }


@pytest.mark.shows("stale-lists")
def test_a_listed_job_is_the_retrieved_job(local_simulator: RunningSimulator) -> None:
    """The list does not lag by default."""
    job = local_simulator.run_job(make_training_file(99))
    assert local_simulator.http.get("/v1/fine_tuning/jobs").json()["data"] == [job]


@pytest.mark.shows("stale-lists", "late-events")
def test_lists_lag_by_setting() -> None:
    """The list of jobs by one read, events by one, each twice. A retrieve does not lag."""
    with simulator_in_process(
        Settings(consistency=ConsistencySettings(jobs_lag=1, events_lag=1, events_twice=True))
    ) as simulator:
        job = simulator.run_job(make_training_file(99))
        lists = [simulator.http.get("/v1/fine_tuning/jobs").json()["data"] for _ in range(2)]
        events = [simulator.list_events(job["id"]) for _ in range(2)]
    assert lists == [[], [job]]
    assert (events[0], len(events[1])) == ([], 2 * len({event["id"] for event in events[1]}))


@pytest.mark.shows("statuses")
def test_a_job_advances_only_when_it_is_retrieved(polled_simulator: RunningSimulator) -> None:
    """At the pace `poll`. A list is no retrieve."""
    job = polled_simulator.create_job(polled_simulator.upload(make_training_file(100)))["id"]
    polled_simulator.http.get("/v1/fine_tuning/jobs")
    polled_simulator.http.get(f"/v1/fine_tuning/jobs/{job}/events")
    assert [polled_simulator.retrieve_job(job)["status"] for _ in range(4)] == [
        "validating_files",
        "validating_files",
        "queued",
        "failed",
    ]


@pytest.mark.shows("POST /fine_tuning/jobs/{job}/cancel", "cancel")
@pytest.mark.parametrize("retrieves", [0, 2])
def test_a_job_can_be_cancelled_until_it_ends(polled_simulator: RunningSimulator, retrieves: int) -> None:
    """DOCUMENTED: at once, and spelled with two l's."""
    job = polled_simulator.create_job(polled_simulator.upload(make_training_file(100)))["id"]
    for _ in range(retrieves):
        polled_simulator.retrieve_job(job)
    cancelled = polled_simulator.openai_client().fine_tuning.jobs.with_raw_response.cancel(job).http_response.json()
    assert (cancelled["status"], cancelled["fine_tuned_model"], cancelled["error"]) == ("cancelled", None, None)
    assert cancelled["finished_at"] >= cancelled["created_at"]
    assert [polled_simulator.retrieve_job(job) for _ in range(2)] == [cancelled, cancelled]
    assert polled_simulator.list_events(job)[-1]["message"] == "Fine-tuning job cancelled"


@pytest.mark.shows("cancel-effects")
def test_a_second_cancel_is_refused_with_400(polled_simulator: RunningSimulator) -> None:
    """Not with 409, which the SDK retries silently."""
    job = polled_simulator.create_job(polled_simulator.upload(make_training_file(100)))["id"]
    jobs = polled_simulator.openai_client().fine_tuning.jobs
    jobs.with_raw_response.cancel(job)
    with pytest.raises(BadRequestError) as answer:
        jobs.cancel(job)
    assert answer.value.body == error_object(
        f"Fine-tuning job {job} cannot be cancelled: it has ended with status 'cancelled'"
    )


def test_a_failed_job_cannot_be_cancelled(local_simulator: RunningSimulator) -> None:
    """The message has its status."""
    job = local_simulator.run_job(make_training_file(99))["id"]
    with pytest.raises(BadRequestError, match="cannot be cancelled: it has ended with status 'failed'"):
        local_simulator.openai_client().fine_tuning.jobs.cancel(job)


def test_an_unknown_job_is_unknown_to_every_route(local_simulator: RunningSimulator) -> None:
    """The same 404."""
    jobs = local_simulator.openai_client().fine_tuning.jobs
    for ask in (jobs.retrieve, jobs.cancel, jobs.list_events, jobs.checkpoints.list):
        with pytest.raises(NotFoundError) as answer:
            ask("ftjob-abc123")
        assert answer.value.body == error_object(
            "The fine-tuning job 'ftjob-abc123' does not exist", code="not_found_error"
        )


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_pause_and_resume_are_unknown_paths(polled_simulator: RunningSimulator, verb: str) -> None:
    """INFERRED: OpenAI has them, but no list of Mantle's actions does."""
    job = polled_simulator.create_job(polled_simulator.upload(make_training_file(100)))["id"]
    with pytest.raises(APIStatusError) as answer:
        getattr(polled_simulator.openai_client().fine_tuning.jobs, verb)(job)
    assert answer.value.status_code == 404


def test_jobs_survive_a_restart_on_the_same_folder(tmp_path: Path) -> None:
    """An ended one is unchanged. An unfinished one continues."""
    settings = Settings(data=tmp_path, pace=Pace.POLL)
    with simulator_in_process(settings) as before:
        ended, waiting = (before.create_job(before.upload(make_training_file(count)))["id"] for count in (99, 100))
        for _ in range(2):
            before.retrieve_job(ended)
            before.retrieve_job(waiting)
        was = before.retrieve_job(ended)
        events = before.list_events(ended)
    with simulator_in_process(settings) as after:
        assert (after.retrieve_job(ended), after.list_events(ended)) == (was, events)
        assert after.retrieve_job(waiting)["status"] == "queued"
