"""Generated requests: whatever is sent, the answer is valid and below 500.

Schemathesis generates some from the OpenAPI document and sends them over a socket. More are valid requests with a
mutation, also to AWS's services, and call the app directly.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from simulator.errors import CATALOGUE
from simulator.ids import Ids
from simulator.routes.openapi import build_openapi_document
from simulator.routes.route import CONTROL_PREFIX
from simulator.routes.table import ROUTES
from tests.contract.asgi_client import AsgiAnswer, send_request
from tests.contract.aws_mutations import BUCKET, FUNCTION, GROUP, KEY, QUEUE, ROLE, TRUST, USER, aws_requests
from tests.contract.mutated_requests import Request, generate_requests
from tests.lambdas.zips import zip_files
from tests.simulators import BASE_MODEL, REGION, FinishedJob, RunningSimulator, serve_simulator
from tests.training.training_files import make_training_file

CODES: Final = {kind.code for kind in CATALOGUE.values()}
TYPES: Final = {kind.type for kind in CATALOGUE.values()}

IDS: Final = Ids(seed=0)
MODELS: Final = [BASE_MODEL, "qwen.qwen3-32b-v1:0", "openai.gpt-oss-120b", "ft:unknown"]
# Ids that exist in the simulator, and ids that do not. Without the former most requests would end with a 404.
PATH_VALUES: Final[dict[str, list[str]]] = {
    "file": [IDS.file(0), "file-abc123"],
    "job": [IDS.job(0), "ftjob-abc123"],
    "model": MODELS,
    "project": ["default", "proj_unknown"],
}


MUTATED: Final = 10_000
API_REQUESTS: Final = 7_500
AWS_REQUESTS: Final = MUTATED - API_REQUESTS


def with_existing_ids(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with existing ids as the values of ids."""
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["in"] == "path" and parameter["name"] in PATH_VALUES:
                    parameter["schema"] = {"enum": PATH_VALUES[parameter["name"]]}
    for schema in document["components"]["schemas"].values():
        for name, values in (("model", MODELS), ("training_file", PATH_VALUES["file"])):
            if name in schema.get("properties", {}):
                schema["properties"][name] = {"enum": values}
    return document


def filter_operations(document: dict[str, Any], *, control_only: bool) -> dict[str, Any]:
    """Return the document of the operations that control the simulator (reset, clock, faults), or of all others."""
    paths = {
        path: {
            method: operation
            for method, operation in operations.items()
            if (path.startswith(CONTROL_PREFIX) and method != "get") == control_only
        }
        for path, operations in document["paths"].items()
    }
    return document | {"paths": {path: operations for path, operations in paths.items() if operations}}


configuration = schemathesis.Config.from_dict({"generation": {"mode": "all"}})
api_operations: Any
control_operations: Any
api_operations, control_operations = (
    schemathesis.openapi.from_dict(
        filter_operations(with_existing_ids(build_openapi_document(ROUTES)), control_only=control_only),
        config=configuration,
    )
    for control_only in (False, True)
)


def check_api_answer(status: int, body: bytes) -> None:
    """Check an answer: below 500, and an error has the envelope with a code of the catalogue."""
    assert status < 500, body
    if status >= 400:
        error = json.loads(body)["error"]
        assert list(error) == ["code", "message", "param", "type"]
        assert error["code"] in CODES
        assert error["type"] in TYPES


@pytest.mark.slow
@pytest.mark.shows("no-5xx")
@api_operations.parametrize()  # type: ignore[untyped-decorator]  # schemathesis has no types for it
@settings(max_examples=25, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_no_generated_request_causes_a_500(
    case: Any, served_simulator: RunningSimulator, finished_job: FinishedJob
) -> None:
    """Valid or not: below 500, and an error has the envelope with a code of the catalogue."""
    assert finished_job.id == IDS.job(0)
    answer = case.call(base_url=served_simulator.url, headers={"authorization": f"Bearer {served_simulator.key}"})
    check_api_answer(answer.status_code, answer.content)


@pytest.fixture(scope="module")
def controlled_simulator() -> Iterator[RunningSimulator]:
    """A simulator that the requests reset, freeze and give faults."""
    with serve_simulator() as simulator:
        yield simulator


@pytest.mark.slow
@control_operations.parametrize()  # type: ignore[untyped-decorator]  # as above
@settings(max_examples=25, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_no_generated_control_request_causes_a_500(case: Any, controlled_simulator: RunningSimulator) -> None:
    """And the simulator still answers afterwards."""
    answer = case.call(base_url=controlled_simulator.url)
    check_api_answer(answer.status_code, answer.content)
    assert controlled_simulator.http.get("/_simulator/health").status_code == 200


def check_aws_answer(status: int, body: bytes) -> None:
    """Check an answer of an AWS service."""
    assert status < 500, body


def populate(simulator: RunningSimulator) -> None:
    """Create the resources that the requests to AWS name."""
    clients: list[Any] = [
        simulator.boto3_session.client(service, endpoint_url=simulator.url)
        for service in ("s3", "sqs", "logs", "lambda")
    ]
    s3, sqs, logs, functions = clients
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=make_training_file(1))
    sqs.create_queue(QueueName=QUEUE)
    logs.create_log_group(logGroupName=GROUP)
    simulator.iam_client.create_user(UserName=USER)
    role = simulator.iam_client.create_role(RoleName=ROLE, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    functions.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.12",
        Handler="lambda_function.lambda_handler",
        Role=role,
        Code={"ZipFile": zip_files({"lambda_function.py": ""})},
    )
    for client in clients:
        client.close()


@pytest.mark.slow
@pytest.mark.shows("no-5xx")
def test_no_mutated_request_causes_a_500(served_simulator: RunningSimulator, finished_job: FinishedJob) -> None:
    """Ten thousand, to every route and to AWS's services. Enough of them are valid to reach all code."""
    file = served_simulator.upload(make_training_file(100))
    response_id = served_simulator.http.post(
        "/v1/responses", json={"model": BASE_MODEL, "input": "3 + 4?", "store": True}
    ).json()["id"]
    names = {
        "file": [file, "file-abc123"],
        "training_file": [file, "file-abc123"],
        "job": [finished_job.id, "ftjob-abc123"],
        "model": [BASE_MODEL, BASE_MODEL, finished_job.model, "ft:unknown"],
        "project": ["default", "proj_unknown"],
        "response": [response_id, "resp_unknown"],
    }
    populate(served_simulator)
    api_requests = islice(generate_requests(seed=0, key=served_simulator.key, names=names), API_REQUESTS)
    mutated_aws_requests = islice(aws_requests(seed=0), AWS_REQUESTS)

    async def count_statuses(requests: Iterable[Request], check: Callable[[int, bytes], None]) -> Counter[int]:
        statuses: Counter[int] = Counter()
        for request in requests:
            answer: AsgiAnswer = await send_request(served_simulator.instance.app, request)
            check(answer.status, answer.body)
            statuses[answer.status] += 1
        return statuses

    statuses = asyncio.run(count_statuses(api_requests, check_api_answer))
    assert statuses.total() == API_REQUESTS
    assert set(statuses) == {200, 400, 401, 404, 405, 415}
    assert statuses[200] > API_REQUESTS / 5
    statuses = asyncio.run(count_statuses(mutated_aws_requests, check_aws_answer))
    assert statuses.total() == AWS_REQUESTS
    assert statuses[200] > AWS_REQUESTS / 3
    assert statuses[400] > AWS_REQUESTS / 10
    assert served_simulator.http.get("/_simulator/health").status_code == 200
