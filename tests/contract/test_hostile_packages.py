"""Hostile deployment packages through boto3: they are refused, and nothing of them is left."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fixtures.generators.hostile.packages import HOSTILE_PACKAGES, HostilePackage
from tests.lambdas.zips import zip_files
from tests.simulators import RunningSimulator
from tests.training.training_files import make_training_file

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

BY_NAME = {package.name: package for package in HOSTILE_PACKAGES}

# Their directories are sound; only what they hold is not.
INVALID_WHEN_UNPACKED = (
    *("size_too_small", "size_too_large", "wrong_checksum", "no_deflate", "half_a_deflate"),
    *("directory_before_the_start", "directory_at_the_start"),
)


@pytest.fixture(scope="module")
def functions(served_simulator: RunningSimulator) -> Iterator["LambdaClient"]:
    """A Lambda client without retries. By default an SDK retries a 502, as at AWS."""
    client = served_simulator.boto3_session.client(
        "lambda", endpoint_url=served_simulator.url, config=Config(retries={"max_attempts": 0})
    )
    yield client
    client.close()


def deploy_package(
    functions: "LambdaClient", served: RunningSimulator, package: HostilePackage, *, name: str | None = None
) -> str:
    """Create a function from a package; return its ARN."""
    created = functions.create_function(
        FunctionName=name or package.name.replace("_", "-"),
        Runtime="python3.11",
        Role=served.execution_role,
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": package.content()},
        MemorySize=256,
        Timeout=60,
    )
    return created["FunctionArn"]


def invoke_outcome(functions: "LambdaClient", arn: str) -> str:
    """Invoke a function; return its answer, or the name and message of the error."""
    try:
        return functions.invoke(FunctionName=arn)["Payload"].read().decode()
    except ClientError as error:
        return error_message(error)


def error_message(client_error: ClientError) -> str:
    """Return the name and message of an error."""
    error = client_error.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def environments(served: RunningSimulator) -> list[str]:
    """Return the folders of all execution environments."""
    folder = served.instance._services._pool._folder
    return sorted(path.name for path in folder.glob("environment-*")) if folder else []


def packages_refused(*, at_upload: bool) -> list[Any]:
    """Return the packages that are refused at upload, or when they are unpacked."""
    return [
        pytest.param(each, id=each.name, marks=[pytest.mark.slow] if each.is_large else [])
        for each in HOSTILE_PACKAGES
        if each.reason_contains and at_upload == (each.name not in INVALID_WHEN_UNPACKED)
    ]


@pytest.mark.slow
@pytest.mark.shows("packages")
@pytest.mark.parametrize("package", packages_refused(at_upload=True))
def test_a_hostile_package_is_refused_at_upload(
    functions: "LambdaClient", served_simulator: RunningSimulator, package: HostilePackage
) -> None:
    """With AWS's words and the reason. No function is created."""
    with pytest.raises(ClientError) as exc_info:
        deploy_package(functions, served_simulator, package)
    message = error_message(exc_info.value)
    assert message.startswith(
        (
            "InvalidParameterValueException: Could not unzip uploaded file. Please check your file, then try to upload",
            "InvalidParameterValueException: Unzipped size must be smaller than 262144000 bytes",
        )
    )
    assert (package.reason_contains or "") in message
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function(FunctionName=package.name.replace("_", "-"))


@pytest.mark.parametrize("archive", [b"", zip_files({})], ids=["no bytes", "no files"])
def test_an_empty_package_is_refused_at_upload(
    functions: "LambdaClient", served_simulator: RunningSimulator, archive: bytes
) -> None:
    """With AWS's words."""
    package = HostilePackage(name="empty", description="nothing", content=lambda: archive, reason_contains="non-empty")
    with pytest.raises(ClientError) as exc_info:
        deploy_package(functions, served_simulator, package)
    assert error_message(exc_info.value) == "InvalidParameterValueException: Uploaded file must be a non-empty zip"


def test_a_function_stays_as_it_is_when_its_new_package_is_refused(
    functions: "LambdaClient", served_simulator: RunningSimulator
) -> None:
    """In the request or from S3."""
    arn = deploy_package(functions, served_simulator, BY_NAME["folders"], name="to-be-changed")
    before = functions.get_function_configuration(FunctionName=arn)
    s3 = served_simulator.boto3_session.client("s3", endpoint_url=served_simulator.url)
    s3.create_bucket(Bucket="packages", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="packages", Key="a.zip", Body=b"no zip")
    s3.close()
    with pytest.raises(functions.exceptions.InvalidParameterValueException):
        functions.update_function_code(FunctionName=arn, ZipFile=b"no zip")
    with pytest.raises(functions.exceptions.InvalidParameterValueException):
        functions.update_function_code(FunctionName=arn, S3Bucket="packages", S3Key="a.zip")
    after = functions.get_function_configuration(FunctionName=arn)
    assert (after["CodeSha256"], after["CodeSize"]) == (before["CodeSha256"], before["CodeSize"])
    assert invoke_outcome(functions, arn) == '"unpacked"'


@pytest.mark.shows("packages")
@pytest.mark.parametrize("package", packages_refused(at_upload=False))
def test_some_packages_are_refused_at_the_first_invocation(
    functions: "LambdaClient", served_simulator: RunningSimulator, package: HostilePackage
) -> None:
    """With Lambda's error name. No folder is left, and the simulator still answers."""
    before = environments(served_simulator)
    message = invoke_outcome(functions, deploy_package(functions, served_simulator, package))
    assert message.startswith("InvalidZipFileException: Lambda could not unzip the deployment package. ")
    assert (package.reason_contains or "") in message
    assert environments(served_simulator) == before
    assert served_simulator.http.get("/_simulator/health").status_code == 200


def test_a_function_runs_after_all_of_them(functions: "LambdaClient", served_simulator: RunningSimulator) -> None:
    """The failed ones used up no environment."""
    assert (
        invoke_outcome(functions, deploy_package(functions, served_simulator, BY_NAME["a_long_name"])) == '"unpacked"'
    )


def test_a_job_with_a_hostile_package_fails_with_the_reason(
    functions: "LambdaClient", served_simulator: RunningSimulator
) -> None:
    """As with a broken grader."""
    arn = deploy_package(functions, served_simulator, BY_NAME["wrong_checksum"], name="hostile-reward")
    job = served_simulator.run_job(make_training_file(100), function=arn)
    assert (job["status"], job["error"]["code"]) == ("failed", "grader_error")
    assert "not a usable zip archive: Bad CRC-32 for file 'a'" in job["error"]["message"]
