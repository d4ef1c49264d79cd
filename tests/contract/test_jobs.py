"""`/v1/fine_tuning/jobs` through the real SDK, before anything has run: create, list, retrieve, cancel."""

from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, BadRequestError, NotFoundError

from simulator.identity.session_key import create_session_key
from simulator.settings import FIXED_EPOCH, Consistency, Pace, Settings
from simulator.training.dataset import DatasetLimits
from tests.key_order import unsorted_objects
from tests.simulators import BASE, NOWHERE, World, inner_world, method
from tests.training.training_files import jsonl

TUNING = "method.reinforcement.hyperparameters"


def refused(message: str, *, code: str = "validation_error", param: str | None = None) -> dict[str, Any]:
    """Return the error object of a refusal."""
    return {"code": code, "message": message, "param": param, "type": "invalid_request_error"}


def asked(world: World, **fields: Any) -> tuple[int, Any]:
    """Ask for a job on a good file, with some fields set; return status and error object."""
    body = {"model": BASE, "training_file": world.upload(jsonl(1)), "method": method(), **fields}
    answer = world.http.post("/v1/fine_tuning/jobs", json=body)
    return answer.status_code, answer.json()["error"]


@pytest.mark.shows("POST /fine_tuning/jobs", "fields-of-create", "job-object", "hyperparameters")
def test_a_new_job_is_the_whole_object(still: World) -> None:
    """Every key is there, in alphabetical order; what is not known yet is null."""
    file = still.upload(jsonl(100))
    answer = still.mantle().fine_tuning.jobs.with_raw_response.create(
        model=BASE,
        training_file=file,
        extra_body={"method": method(NOWHERE, n_epochs=1, batch_size=4, learning_rate_multiplier=1.0)},
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
                "grader": {"lambda": {"function": NOWHERE}, "type": "lambda"},
                "hyperparameters": {"batch_size": 4, "learning_rate_multiplier": 1.0, "n_epochs": 1},
            },
            "type": "reinforcement",
        },
        "model": BASE,
        "object": "fine_tuning.job",
        "organization_id": "123456789012",
        "result_files": [],
        "seed": 11,
        "status": "validating_files",
        "trained_tokens": None,
        "training_file": file,
        "validation_file": None,
    }
    assert unsorted_objects(answer.http_response.text) == []


@pytest.mark.shows("other-hyperparameters")
def test_absent_and_auto_hyperparameters_are_filled_in(still: World) -> None:
    """INFERRED defaults; OpenAI's other names are kept as given."""
    file = still.upload(jsonl(100))
    bare = still.create(file)["method"]["reinforcement"]["hyperparameters"]
    given = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto", "eval_interval": "auto"}
    auto = still.create(file, method=method(**given))["method"]["reinforcement"]["hyperparameters"]
    assert bare == {"batch_size": 4, "learning_rate_multiplier": 1.0, "n_epochs": 1}
    assert auto == bare | {"eval_interval": "auto"}


def test_a_whole_multiplier_is_as_good_as_a_fraction(still: World) -> None:
    """JavaScript writes 1 for 1.0."""
    job = still.create(still.upload(jsonl(100)), method=method(learning_rate_multiplier=2))
    assert job["method"]["reinforcement"]["hyperparameters"]["learning_rate_multiplier"] == 2


@pytest.mark.shows("fields-of-create")
def test_a_validation_file_is_named(still: World) -> None:
    """DOCUMENTED indirectly: CloudTrail records it."""
    validation = still.upload(jsonl(100))
    assert still.create(still.upload(jsonl(100)), validation_file=validation)["validation_file"] == validation


@pytest.mark.shows("alias", "name-echoed")
def test_the_alias_of_a_notebook_is_the_model_that_it_means(still: World) -> None:
    """SAMPLE: one notebook writes the id of the sibling API."""
    assert still.create(still.upload(jsonl(100)), model="qwen.qwen3-32b-v1:0")["model"] == "qwen.qwen3-32b"


def test_the_seed_belongs_to_the_inputs(still: World) -> None:
    """Same inputs, same seed, so that an edit of the function's code can be compared step by step."""
    file, other = still.upload(jsonl(100)), still.upload(jsonl(101))
    seeds = [still.create(one)["seed"] for one in (file, file, other)]
    assert seeds[0] == seeds[1] != seeds[2]
    assert all(0 <= seed < 2**31 for seed in seeds)


@pytest.mark.shows("refused-at-once")
@pytest.mark.parametrize("field", ["training_file", "validation_file"])
@pytest.mark.parametrize("name", ["file-abc123", "", "../train.jsonl"])
def test_an_unknown_file_is_told_at_once(inner: World, field: str, name: str) -> None:
    """Missing, deleted or another's: the answer is the same."""
    assert asked(inner, **{field: name}) == (
        404,
        refused(f"The file '{name}' does not exist", code="not_found_error"),
    )


def test_a_deleted_file_is_an_unknown_file(inner: World) -> None:
    """It cannot be trained on any more."""
    gone = inner.upload(jsonl(100))
    inner.mantle().files.delete(gone)
    assert asked(inner, training_file=gone)[0] == 404


@pytest.mark.shows("refused-at-once")
@pytest.mark.parametrize("model", ["gpt-4o-mini", "", "openai.gpt-oss-20b-1:0", BASE.upper()])
def test_an_unknown_model_is_told_at_once(inner: World, model: str) -> None:
    """OBSERVED text, `param` null."""
    assert asked(inner, model=model) == (
        404,
        refused(f"The model '{model}' does not exist", code="not_found_error"),
    )


@pytest.mark.shows("refused-at-once")
@pytest.mark.parametrize("model", ["openai.gpt-oss-120b", "ft:openai.gpt-oss-20b:123456789012::abcdefgh"])
def test_a_model_that_cannot_be_tuned_is_told_at_once(inner: World, model: str) -> None:
    """A base model that is not offered for it, or a model that was tuned already."""
    assert asked(inner, model=model) == (
        400,
        refused(f"The model '{model}' does not support fine-tuning", param="model"),
    )


@pytest.mark.shows("regions", "other-regions")
def test_in_another_region_no_model_can_be_tuned() -> None:
    """DOCUMENTED: us-west-2 only. Lists answer, and are empty; create is refused by the region, not by its file."""
    with inner_world(Settings(region="us-east-1")) as world:
        world.http.headers["authorization"] = f"Bearer {create_session_key('us-east-1')}"
        for path in ("/v1/files", "/v1/fine_tuning/jobs"):
            listed = world.http.get(path)
            assert (listed.status_code, listed.json()["data"]) == (200, [])
        body = {"model": BASE, "training_file": "uploaded-in-another-region", "method": method()}
        answer = world.http.post("/v1/fine_tuning/jobs", json=body)
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        refused(f"The model '{BASE}' does not support fine-tuning", param="model"),
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
            refused("Unsupported parameter: 'suffix' is not supported.", code="unsupported_parameter", param="suffix"),
        ),
        (
            {"method": {"type": "supervised"}},
            refused("Invalid 'method.type': input should be 'reinforcement'.", param="method.type"),
        ),
        (
            {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1}}}},
            refused("Invalid 'method.type': input should be 'reinforcement'.", param="method.type"),
        ),
        (
            {"method": {"type": "reinforcement", "reinforcement": {"grader": {"type": "python", "source": "x"}}}},
            refused(
                "Invalid 'method.reinforcement.grader.type': input should be 'lambda'.",
                param="method.reinforcement.grader.type",
            ),
        ),
        (
            {"method": {"type": "reinforcement"}},
            refused(
                "Missing required parameter: 'method.reinforcement'.",
                code="missing_required_parameter",
                param="method.reinforcement",
            ),
        ),
        (
            {
                "method": {
                    "type": "reinforcement",
                    "reinforcement": {"grader": {"type": "lambda", "lambda_arn": NOWHERE}},
                }
            },
            refused(
                "Missing required parameter: 'method.reinforcement.grader.lambda'.",
                code="missing_required_parameter",
                param="method.reinforcement.grader.lambda",
            ),
        ),
        (
            {"method": method(n_epochs=0)},
            refused(
                f"Invalid '{TUNING}.n_epochs': integer below minimum value. Expected a value >= 1, but got 0 instead.",
                code="integer_below_min_value",
                param=f"{TUNING}.n_epochs",
            ),
        ),
        (
            {"method": method(training_sample_per_prompt=4)},
            refused(
                f"Unsupported parameter: '{TUNING}.training_sample_per_prompt' is not supported.",
                code="unsupported_parameter",
                param=f"{TUNING}.training_sample_per_prompt",
            ),
        ),
    ],
)
def test_a_malformed_order_is_told_at_once(inner: World, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """400, whole envelope, nothing created. The readers' own tests have the long list."""
    assert asked(inner, **fields) == (400, expected)
    assert inner.http.get("/v1/fine_tuning/jobs").json()["data"] == []


def test_an_arn_that_is_none_is_told_at_once(inner: World) -> None:
    """By the field that holds it."""
    status, error = asked(inner, method=method("my-reward-function"))
    assert (status, error["code"], error["param"]) == (
        400,
        "validation_error",
        "method.reinforcement.grader.lambda.function",
    )


def test_supervised_tuning_as_the_sdk_asks_for_it_is_refused(inner: World) -> None:
    """A call without `method` means supervised tuning to OpenAI; here it is not offered."""
    with pytest.raises(BadRequestError) as answer:
        inner.mantle().fine_tuning.jobs.create(model=BASE, training_file=inner.upload(jsonl(100)))
    assert answer.value.body == refused("Invalid 'method.type': input should be 'reinforcement'.", param="method.type")


@pytest.mark.shows("suffix")
def test_suffix_may_be_ignored_by_setting() -> None:
    """Which of the two the real service does is not settled."""
    with inner_world(Settings(ignored_job_fields=("suffix",), pace=Pace.POLL)) as world:
        assert world.create(world.upload(jsonl(100)), suffix="mine")["status"] == "validating_files"


def test_jobs_are_listed_newest_first_and_paged_by_the_sdk(still: World) -> None:
    """The SDK goes on from the last id of each page."""
    file = still.upload(jsonl(100))
    ids = [still.create(file)["id"] for _ in range(5)]
    jobs = still.mantle().fine_tuning.jobs
    assert [job.id for job in jobs.list(limit=2)] == ids[::-1]
    assert [job.id for job in jobs.list(limit=200)] == ids[::-1]


@pytest.mark.shows("GET /fine_tuning/jobs", "paging")
def test_twenty_jobs_are_listed_unless_asked_for_more(still: World) -> None:
    """And AWS's notebook asks for 200 at once."""
    file = still.upload(jsonl(100))
    ids = [still.create(file)["id"] for _ in range(21)]
    first = still.http.get("/v1/fine_tuning/jobs").json()
    whole = still.http.get("/v1/fine_tuning/jobs", params={"limit": 200})
    assert ([job["id"] for job in first["data"]], first["has_more"]) == (ids[:0:-1], True)
    assert ([job["id"] for job in whole.json()["data"]], whole.json()["has_more"]) == (ids[::-1], False)
    assert unsorted_objects(whole.text) == []


@pytest.mark.shows("concurrency")
def test_a_job_beyond_the_limit_of_concurrent_jobs_waits_queued() -> None:
    """INFERRED: Bedrock publishes no limit. It starts when the other is cancelled."""
    with inner_world(Settings(pace=Pace.POLL, concurrent_jobs=1)) as world:
        file = world.upload(jsonl(100))
        first, second = (world.create(file)["id"] for _ in range(2))
        waiting = [world.job(second)["status"] for _ in range(5)][-1]
        world.mantle().fine_tuning.jobs.cancel(first)
        ended = [world.job(second)["status"] for _ in range(3)][-1]
    assert (waiting, ended) == ("queued", "failed")  # its function was never deployed: that is looked at on its start


@pytest.mark.shows("prompt-length")
def test_a_prompt_over_the_limit_fails_its_job_with_its_line() -> None:
    """INFERRED: Bedrock publishes no limit, so there is none unless it is set."""
    limits = DatasetLimits(min_records=1, max_prompt_tokens=40)
    records = jsonl(2) + b'{"messages": [{"role": "user", "content": "' + b"word " * 60 + b'"}]}\n'
    with inner_world(Settings(dataset=limits)) as world:
        job = world.run(records)
    assert job["error"] == {
        "code": "invalid_training_file",
        "message": "The training file is invalid: line 3: the prompt is about 79 tokens; at most 40 are allowed: "
        "shorten it",
        "param": "training_file",
    }


@pytest.mark.shows("stale-lists")
def test_a_listed_job_is_the_retrieved_job(inner: World) -> None:
    """No stale list."""
    job = inner.run(jsonl(99))
    assert inner.http.get("/v1/fine_tuning/jobs").json()["data"] == [job]


@pytest.mark.shows("stale-lists", "late-events")
def test_listings_lag_when_they_are_told_to() -> None:
    """The list of jobs by one look, events by one, each twice; a retrieve shows what is so."""
    with inner_world(Settings(consistency=Consistency(jobs_lag=1, events_lag=1, events_twice=True))) as world:
        job = world.run(jsonl(99))
        lists = [world.http.get("/v1/fine_tuning/jobs").json()["data"] for _ in range(2)]
        events = [world.events(job["id"]) for _ in range(2)]
    assert lists == [[], [job]]
    assert (events[0], len(events[1])) == ([], 2 * len({event["id"] for event in events[1]}))


@pytest.mark.shows("statuses")
def test_a_job_moves_only_when_it_is_looked_at(still: World) -> None:
    """At `poll` pace; a listing is no look."""
    job = still.create(still.upload(jsonl(100)))["id"]
    still.http.get("/v1/fine_tuning/jobs")
    still.http.get(f"/v1/fine_tuning/jobs/{job}/events")
    assert [still.job(job)["status"] for _ in range(4)] == [
        "validating_files",
        "validating_files",
        "queued",
        "failed",
    ]


@pytest.mark.shows("POST /fine_tuning/jobs/{job}/cancel", "cancel")
@pytest.mark.parametrize("looks", [0, 2])
def test_a_job_can_be_cancelled_until_it_ends(still: World, looks: int) -> None:
    """DOCUMENTED: at once, and the word has two l's."""
    job = still.create(still.upload(jsonl(100)))["id"]
    for _ in range(looks):
        still.job(job)
    cancelled = still.mantle().fine_tuning.jobs.with_raw_response.cancel(job).http_response.json()
    assert (cancelled["status"], cancelled["fine_tuned_model"], cancelled["error"]) == ("cancelled", None, None)
    assert cancelled["finished_at"] >= cancelled["created_at"]
    assert [still.job(job) for _ in range(2)] == [cancelled, cancelled]
    assert still.events(job)[-1]["message"] == "Fine-tuning job cancelled"


@pytest.mark.shows("cancel-effects")
def test_a_second_cancel_is_refused_with_400(still: World) -> None:
    """And not with 409, which the SDK would try again in silence."""
    job = still.create(still.upload(jsonl(100)))["id"]
    jobs = still.mantle().fine_tuning.jobs
    jobs.with_raw_response.cancel(job)
    with pytest.raises(BadRequestError) as answer:
        jobs.cancel(job)
    assert answer.value.body == refused(
        f"Fine-tuning job {job} cannot be cancelled: it has ended with status 'cancelled'"
    )


def test_a_failed_job_cannot_be_cancelled(inner: World) -> None:
    """The message says how it ended."""
    job = inner.run(jsonl(99))["id"]
    with pytest.raises(BadRequestError, match="cannot be cancelled: it has ended with status 'failed'"):
        inner.mantle().fine_tuning.jobs.cancel(job)


def test_an_unknown_job_is_unknown_to_every_route(inner: World) -> None:
    """The same 404."""
    jobs = inner.mantle().fine_tuning.jobs
    for ask in (jobs.retrieve, jobs.cancel, jobs.list_events, jobs.checkpoints.list):
        with pytest.raises(NotFoundError) as answer:
            ask("ftjob-abc123")
        assert answer.value.body == refused("The fine-tuning job 'ftjob-abc123' does not exist", code="not_found_error")


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_what_mantle_does_not_offer_is_an_unknown_path(still: World, verb: str) -> None:
    """INFERRED: OpenAI's pause and resume are in no list of Mantle's actions."""
    job = still.create(still.upload(jsonl(100)))["id"]
    with pytest.raises(APIStatusError) as answer:
        getattr(still.mantle().fine_tuning.jobs, verb)(job)
    assert answer.value.status_code == 404


def test_jobs_outlive_a_restart_on_the_same_folder(tmp_path: Path) -> None:
    """An ended one as it was; an unfinished one goes on from where it stopped."""
    settings = Settings(data=tmp_path, pace=Pace.POLL)
    with inner_world(settings) as before:
        ended, waiting = (before.create(before.upload(jsonl(count)))["id"] for count in (99, 100))
        for _ in range(2):
            before.job(ended)
            before.job(waiting)
        was = before.job(ended)
        events = before.events(ended)
    with inner_world(settings) as after:
        assert (after.job(ended), after.events(ended)) == (was, events)
        assert after.job(waiting)["status"] == "queued"
