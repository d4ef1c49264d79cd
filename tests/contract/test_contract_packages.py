"""Hostile deployment packages by way of boto3: deployed, invoked, refused, and nothing is left of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fixtures.making.hostile.packages import PACKAGES, Package
from tests.records import jsonl
from tests.world import World

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

BY_NAME = {package.name: package for package in PACKAGES}


@pytest.fixture(scope="module")
def functions(served: World) -> Iterator["LambdaClient"]:
    """A client that takes the first answer: an SDK tries a 502 again, as it does at AWS."""
    client = served.session.client("lambda", endpoint_url=served.url, config=Config(retries={"max_attempts": 0}))
    yield client
    client.close()


def deployed(functions: "LambdaClient", served: World, package: Package, *, name: str | None = None) -> str:
    """Create a function of a package, by the package's name unless told otherwise; return its ARN."""
    created = functions.create_function(
        FunctionName=name or package.name.replace("_", "-"),
        Runtime="python3.11",
        Role=served.role,
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": package.content()},
        MemorySize=256,
        Timeout=60,
    )
    return created["FunctionArn"]


def outcome(functions: "LambdaClient", arn: str) -> str:
    """Invoke a function; return what it answered, or the name of the error and what it says."""
    try:
        return functions.invoke(FunctionName=arn)["Payload"].read().decode()
    except ClientError as refused:
        error = refused.response["Error"]
        return f"{error['Code']}: {error['Message']}"


def environments(served: World) -> list[str]:
    """Return the names of the folders of all execution environments."""
    folder = served.simulator._rooms._pool._folder
    return sorted(path.name for path in folder.glob("environment-*")) if folder else []


@pytest.mark.shows("packages")
@pytest.mark.parametrize(
    "package",
    [
        pytest.param(each, id=each.name, marks=[pytest.mark.slow] if each.is_large else [])
        for each in PACKAGES
        if each.reason_contains
    ],
)
def test_a_hostile_package_is_refused_when_it_is_invoked(
    functions: "LambdaClient", served: World, package: Package
) -> None:
    """In Lambda's own name for it; no folder is left, and the simulator goes on as before."""
    before = environments(served)
    told = outcome(functions, deployed(functions, served, package))
    assert told.startswith("InvalidZipFileException: Lambda could not unzip the deployment package. ")
    assert (package.reason_contains or "") in told
    assert environments(served) == before
    assert served.http.get("/_simulator/health").status_code == 200


def test_a_function_runs_after_all_of_them(functions: "LambdaClient", served: World) -> None:
    """No environment was taken away by those that could not be made."""
    assert outcome(functions, deployed(functions, served, BY_NAME["a_long_name"])) == '"unpacked"'


def test_a_job_with_a_hostile_package_fails_and_says_why(functions: "LambdaClient", served: World) -> None:
    """As a grader that breaks does."""
    arn = deployed(functions, served, BY_NAME["path_upward"], name="hostile-reward")
    job = served.run(jsonl(100), function=arn)
    assert (job["status"], job["error"]["code"]) == ("failed", "grader_error")
    assert "names a path outside the package: '../../outside.py'" in job["error"]["message"]
