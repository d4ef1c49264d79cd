"""`/v1/organization/projects`, and how projects separate files, jobs and responses."""

import re
from typing import Any

import httpx2
import pytest

from simulator.settings import FIXED_EPOCH, Settings
from tests.key_order import find_unsorted_objects
from tests.simulators import BASE_MODEL, RunningSimulator, reinforcement_method, simulator_in_process
from tests.training.training_files import make_training_file

PROJECTS = "/v1/organization/projects"
ARN = "arn:aws:bedrock-mantle:us-west-2:123456789012:project"
DEFAULT = {
    "arn": f"{ARN}/default",
    "created_at": 1_764_460_800,
    "id": "default",
    "name": "default",
    "object": "organization.project",
    "status": "active",
    "tags": {},
}


def create_project(simulator: RunningSimulator, name: str = "Project ABC", **fields: Any) -> str:
    """Create a project; return its id."""
    answer = simulator.http.post(PROJECTS, json={"name": name, **fields})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def project_headers(project: str) -> dict[str, str]:
    """Return the header that selects a project (DOCUMENTED)."""
    return {"openai-project": project}


def parse_error(answer: httpx2.Response) -> tuple[int, dict[str, Any]]:
    """Return the status and the error object."""
    return answer.status_code, answer.json()["error"]


def error_object(message: str, *, code: str = "validation_error", param: str | None = None) -> dict[str, Any]:
    """Return the expected error object."""
    return {"code": code, "message": message, "param": param, "type": "invalid_request_error"}


def not_found_error(noun: str, name: str) -> tuple[int, dict[str, Any]]:
    """Return the answer for a missing resource."""
    return 404, error_object(f"The {noun} '{name}' does not exist", code="not_found_error")


# the API


@pytest.mark.shows("header", "POST /organization/projects", "objects", "ids")
def test_a_new_project_has_every_key(local_simulator: RunningSimulator) -> None:
    """DOCUMENTED, in alphabetical order. The id has its documented form."""
    answer = local_simulator.http.post(
        PROJECTS, json={"name": "Project ABC", "tags": {"team": "maths", "area": "shelves"}}
    )
    project = answer.json()
    assert re.fullmatch(r"proj_[a-z2-7]{20}", project["id"])
    assert project == {
        "arn": f"{ARN}/{project['id']}",
        "created_at": FIXED_EPOCH,
        "id": project["id"],
        "name": "Project ABC",
        "object": "organization.project",
        "status": "active",
        "tags": {"area": "shelves", "team": "maths"},
    }
    assert find_unsorted_objects(answer.text) == []


@pytest.mark.shows("GET /organization/projects", "GET /organization/projects/{project}", "objects")
def test_the_default_project_always_exists(local_simulator: RunningSimulator) -> None:
    """DOCUMENTED: its id is `default`."""
    assert local_simulator.http.get(f"{PROJECTS}/default").json() == DEFAULT
    assert local_simulator.http.get(PROJECTS).json() == {
        "data": [DEFAULT],
        "first_id": "default",
        "has_more": False,
        "last_id": "default",
        "object": "list",
    }


def test_projects_are_listed_in_the_order_of_creation(local_simulator: RunningSimulator) -> None:
    """DOCUMENTED by the example's `first_id`: the default one is the first."""
    ids = ["default", *(create_project(local_simulator, f"number {number}") for number in range(3))]
    seen: list[str] = []
    more = True
    while more:
        page = local_simulator.http.get(PROJECTS, params={"limit": 2, **({"after": seen[-1]} if seen else {})}).json()
        seen += [project["id"] for project in page["data"]]
        more = page["has_more"]
    assert seen == ids


def test_an_unknown_cursor_is_refused(local_simulator: RunningSimulator) -> None:
    """INFERRED: as in every other list."""
    answer = local_simulator.http.get(PROJECTS, params={"after": "proj_x"})
    assert parse_error(answer) == (400, error_object("No element with id 'proj_x' in this list", param="after"))


@pytest.mark.shows("POST /organization/projects/{project}")
def test_an_update_changes_only_name_and_tags(local_simulator: RunningSimulator) -> None:
    """A tag that is removed and added at once exists afterwards (INFERRED)."""
    project = create_project(local_simulator, tags={"a": "1", "b": "2", "c": "3"})
    before = local_simulator.http.get(f"{PROJECTS}/{project}").json()
    change = {"name": "New", "add_tags": {"b": "two", "d": "4"}, "remove_tag_keys": ["a", "b", "nothing"]}
    after = local_simulator.http.post(f"{PROJECTS}/{project}", json=change).json()
    assert after == {**before, "name": "New", "tags": {"b": "two", "c": "3", "d": "4"}}
    assert local_simulator.http.post(f"{PROJECTS}/{project}", json={}).json() == after
    assert local_simulator.http.get(f"{PROJECTS}/{project}").json() == after


@pytest.mark.shows("POST /organization/projects/{project}/archive", "archived")
def test_an_archived_project_is_listed_only_on_request(local_simulator: RunningSimulator) -> None:
    """OPENAI: `include_archived`. It can still be retrieved. To archive it again changes nothing."""
    project = create_project(local_simulator)
    archived = local_simulator.http.post(f"{PROJECTS}/{project}/archive").json()
    assert archived["status"] == "archived"
    assert local_simulator.http.post(f"{PROJECTS}/{project}/archive").json() == archived
    assert local_simulator.http.get(f"{PROJECTS}/{project}").json() == archived
    assert [one["id"] for one in local_simulator.http.get(PROJECTS).json()["data"]] == ["default"]
    whole = local_simulator.http.get(PROJECTS, params={"include_archived": "true"}).json()["data"]
    assert [one["id"] for one in whole] == ["default", project]


@pytest.mark.shows("archiving-the-default")
def test_the_default_project_cannot_be_archived(local_simulator: RunningSimulator) -> None:
    """INFERRED: every account has one."""
    answer = local_simulator.http.post(f"{PROJECTS}/default/archive")
    assert parse_error(answer) == (400, error_object("The default project cannot be archived"))


@pytest.mark.shows("archived")
def test_an_archived_project_cannot_be_changed(local_simulator: RunningSimulator) -> None:
    """OPENAI: it cannot be used or updated."""
    project = create_project(local_simulator)
    local_simulator.http.post(f"{PROJECTS}/{project}/archive")
    answer = local_simulator.http.post(f"{PROJECTS}/{project}", json={"name": "New"})
    assert parse_error(answer) == (400, error_object(f"Project '{project}' is archived"))


@pytest.mark.shows("limits")
@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "n" * 129}, "name"),
        ({"name": 7}, "name"),
        ({"name": "n", "tags": {"": "v"}}, "tags"),
        ({"name": "n", "tags": {"k": "v" * 257}}, "tags"),
        ({"name": "n", "tags": {str(number): "" for number in range(201)}}, "tags"),
        ({"name": "n", "colour": "red"}, "colour"),
    ],
)
def test_an_invalid_project_is_refused(local_simulator: RunningSimulator, body: dict[str, Any], param: str) -> None:
    """DOCUMENTED by CloudFormation's schema: lengths of names, tag keys and tag values, and the number of tags."""
    answer = local_simulator.http.post(PROJECTS, json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.shows("limits")
def test_the_limits_themselves_are_accepted(local_simulator: RunningSimulator) -> None:
    """The longest name and the most tags."""
    project = create_project(local_simulator, "n" * 128, tags={f"{number:128}": "v" * 256 for number in range(200)})
    answer = local_simulator.http.post(f"{PROJECTS}/{project}", json={"add_tags": {"one": "more"}})
    assert parse_error(answer) == (
        400,
        error_object("A project can have at most 200 tags, this would be 201", param="tags"),
    )


@pytest.mark.shows("limits")
def test_an_account_has_a_maximum_of_projects() -> None:
    """DOCUMENTED: 1000. INFERRED: the default one and archived ones count, and the status is 400."""
    with simulator_in_process(Settings(max_projects=3)) as simulator:
        first = create_project(simulator)
        create_project(simulator)
        simulator.http.post(f"{PROJECTS}/{first}/archive")
        answer = simulator.http.post(PROJECTS, json={"name": "one more"})
    assert parse_error(answer) == (400, error_object("An account can have at most 3 projects"))


@pytest.mark.parametrize(("verb", "path"), [("GET", ""), ("POST", ""), ("POST", "/archive")])
def test_an_unknown_project_is_unknown_to_every_route(local_simulator: RunningSimulator, verb: str, path: str) -> None:
    """404, as for every missing resource."""
    answer = local_simulator.http.request(verb, f"{PROJECTS}/proj_x{path}", json={} if verb == "POST" else None)
    assert parse_error(answer) == not_found_error("project", "proj_x")


def test_two_simulators_with_one_seed_have_equal_project_ids(local_simulator: RunningSimulator) -> None:
    """From the seed and the account. Another seed gives other ids."""
    with simulator_in_process() as same, simulator_in_process(Settings(seed=1)) as other:
        ids = [[create_project(simulator) for _ in range(2)] for simulator in (local_simulator, same, other)]
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])
    assert len(set(ids[0])) == 2


# what a project keeps from the others


@pytest.mark.shows("header")
def test_the_sdk_selects_a_project_by_its_own_option(local_simulator: RunningSimulator) -> None:
    """DOCUMENTED: `OpenAI(project=...)` sends the header."""
    project = create_project(local_simulator)
    client = local_simulator.openai_client().with_options(project=project)
    file = client.files.create(file=("train.jsonl", make_training_file(1)), purpose="fine-tune")
    assert [one.id for one in client.files.list()] == [file.id]
    assert [one.id for one in local_simulator.openai_client().files.list()] == []


@pytest.mark.parametrize("path", ["/v1/files", "/v1/fine_tuning/jobs", "/v1/models"])
def test_a_header_with_an_unknown_project_is_a_404(local_simulator: RunningSimulator, path: str) -> None:
    """On every route."""
    assert parse_error(local_simulator.http.get(path, headers=project_headers("proj_x"))) == not_found_error(
        "project", "proj_x"
    )


@pytest.mark.shows("header", "foreign-ids")
@pytest.mark.parametrize(("verb", "path"), [("GET", ""), ("GET", "/content"), ("DELETE", "")])
def test_a_file_of_another_project_does_not_exist(local_simulator: RunningSimulator, verb: str, path: str) -> None:
    """DOCUMENTED of the sibling runtime: the same 404 in every case."""
    project, file = create_project(local_simulator), local_simulator.upload(make_training_file(1))
    answer = local_simulator.http.request(verb, f"/v1/files/{file}{path}", headers=project_headers(project))
    assert parse_error(answer) == not_found_error("file", file)
    assert local_simulator.http.get(f"/v1/files/{file}").status_code == 200


@pytest.mark.parametrize("field", ["training_file", "validation_file"])
def test_a_job_cannot_use_a_file_of_another_project(local_simulator: RunningSimulator, field: str) -> None:
    """Q15: cross-project is a 404."""
    project, foreign = create_project(local_simulator), local_simulator.upload(make_training_file(1))
    own = local_simulator.http.post(
        "/v1/files",
        data={"purpose": "fine-tune"},
        files={"file": ("f", make_training_file(1))},
        headers=project_headers(project),
    ).json()["id"]
    body = {"model": BASE_MODEL, "training_file": own, "method": reinforcement_method(), field: foreign}
    answer = local_simulator.http.post("/v1/fine_tuning/jobs", json=body, headers=project_headers(project))
    assert parse_error(answer) == not_found_error("file", foreign)


@pytest.mark.shows("header", "foreign-ids")
@pytest.mark.parametrize(
    ("verb", "path"), [("GET", ""), ("GET", "/events"), ("GET", "/checkpoints"), ("POST", "/cancel")]
)
def test_a_job_of_another_project_does_not_exist(polled_simulator: RunningSimulator, verb: str, path: str) -> None:
    """It is neither advanced nor cancelled from there."""
    project, job = (
        create_project(polled_simulator),
        polled_simulator.create_job(polled_simulator.upload(make_training_file(1)))["id"],
    )
    answer = polled_simulator.http.request(verb, f"/v1/fine_tuning/jobs/{job}{path}", headers=project_headers(project))
    assert parse_error(answer) == not_found_error("fine-tuning job", job)
    assert polled_simulator.retrieve_job(job)["status"] == "validating_files"


@pytest.mark.parametrize("path", ["/v1/files", "/v1/fine_tuning/jobs"])
def test_a_cursor_of_another_project_is_an_unknown_cursor(polled_simulator: RunningSimulator, path: str) -> None:
    """Its elements are not listed."""
    project, file = create_project(polled_simulator), polled_simulator.upload(make_training_file(1))
    cursor = file if path == "/v1/files" else polled_simulator.create_job(file)["id"]
    assert polled_simulator.http.get(path, headers=project_headers(project)).json()["data"] == []
    answer = polled_simulator.http.get(path, params={"after": cursor}, headers=project_headers(project))
    assert parse_error(answer) == (400, error_object(f"No element with id '{cursor}' in this list", param="after"))


@pytest.mark.shows("archived", "use-of-archived")
def test_an_archived_project_is_read_only(
    polled_simulator: RunningSimulator,
) -> None:
    """OPENAI: it cannot be used. INFERRED: 400, and that reading and cancelling still work."""
    header = project_headers(create_project(polled_simulator))
    upload: dict[str, Any] = {
        "data": {"purpose": "fine-tune"},
        "files": {"file": ("f", make_training_file(1))},
        "headers": header,
    }
    file = polled_simulator.http.post("/v1/files", **upload).json()["id"]
    body = {"model": BASE_MODEL, "training_file": file, "method": reinforcement_method()}
    job = polled_simulator.http.post("/v1/fine_tuning/jobs", json=body, headers=header).json()["id"]
    polled_simulator.http.post(f"{PROJECTS}/{header['openai-project']}/archive")
    refusal = (400, error_object(f"Project '{header['openai-project']}' is archived"))
    assert parse_error(polled_simulator.http.post("/v1/files", **upload)) == refusal
    assert parse_error(polled_simulator.http.post("/v1/fine_tuning/jobs", json=body, headers=header)) == refusal
    assert [one["id"] for one in polled_simulator.http.get("/v1/files", headers=header).json()["data"]] == [file]
    assert polled_simulator.http.get(f"/v1/files/{file}/content", headers=header).content == make_training_file(1)
    assert polled_simulator.http.get(f"/v1/fine_tuning/jobs/{job}", headers=header).json()["id"] == job
    cancelled = polled_simulator.http.post(f"/v1/fine_tuning/jobs/{job}/cancel", headers=header).json()
    assert cancelled["status"] == "cancelled"
