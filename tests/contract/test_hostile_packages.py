"""Hostile deployment packages by way of boto3: refused, and nothing is left of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fixtures.generators.hostile.packages import PACKAGES, Package
from tests.lambdas.zips import zip_files
from tests.simulators import World
from tests.training.training_files import jsonl

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

BY_NAME = {package.name: package for package in PACKAGES}

# Their directories are sound; only what they hold is not.
SOUND_UNTIL_UNPACKED = (
    *("size_too_small", "size_too_large", "wrong_checksum", "no_deflate", "half_a_deflate"),
    *("directory_before_the_start", "directory_at_the_start"),
)


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
        return told(refused)


def told(refused: ClientError) -> str:
    """Return the name of an error and what it says."""
    error = refused.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def environments(served: World) -> list[str]:
    """Return the names of the folders of all execution environments."""
    folder = served.simulator._rooms._pool._folder
    return sorted(path.name for path in folder.glob("environment-*")) if folder else []


def refused(*, at_upload: bool) -> list[Any]:
    """Return the packages that are refused, then or when they are unpacked."""
    return [
        pytest.param(each, id=each.name, marks=[pytest.mark.slow] if each.is_large else [])
        for each in PACKAGES
        if each.reason_contains and at_upload == (each.name not in SOUND_UNTIL_UNPACKED)
    ]


@pytest.mark.shows("packages")
@pytest.mark.parametrize("package", refused(at_upload=True))
def test_a_hostile_package_is_refused_when_it_is_uploaded(
    functions: "LambdaClient", served: World, package: Package
) -> None:
    """In AWS's own words, and in ours about what is wrong; there is no function then."""
    with pytest.raises(ClientError) as refusal:
        deployed(functions, served, package)
    said = told(refusal.value)
    assert said.startswith(
        (
            "InvalidParameterValueException: Could not unzip uploaded file. Please check your file, then try to upload",
            "InvalidParameterValueException: Unzipped size must be smaller than 262144000 bytes",
        )
    )
    assert (package.reason_contains or "") in said
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function(FunctionName=package.name.replace("_", "-"))


@pytest.mark.parametrize("archive", [b"", zip_files({})], ids=["no bytes", "no files"])
def test_an_empty_package_is_refused_when_it_is_uploaded(
    functions: "LambdaClient", served: World, archive: bytes
) -> None:
    """With AWS's own words for it."""
    package = Package(name="empty", what="nothing", content=lambda: archive, reason_contains="non-empty")
    with pytest.raises(ClientError) as refusal:
        deployed(functions, served, package)
    assert told(refusal.value) == "InvalidParameterValueException: Uploaded file must be a non-empty zip"


def test_a_function_stays_as_it_is_when_its_new_package_is_refused(functions: "LambdaClient", served: World) -> None:
    """In the request or by way of S3."""
    arn = deployed(functions, served, BY_NAME["folders"], name="to-be-changed")
    before = functions.get_function_configuration(FunctionName=arn)
    s3 = served.session.client("s3", endpoint_url=served.url)
    s3.create_bucket(Bucket="packages", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="packages", Key="a.zip", Body=b"no zip")
    s3.close()
    with pytest.raises(functions.exceptions.InvalidParameterValueException):
        functions.update_function_code(FunctionName=arn, ZipFile=b"no zip")
    with pytest.raises(functions.exceptions.InvalidParameterValueException):
        functions.update_function_code(FunctionName=arn, S3Bucket="packages", S3Key="a.zip")
    after = functions.get_function_configuration(FunctionName=arn)
    assert (after["CodeSha256"], after["CodeSize"]) == (before["CodeSha256"], before["CodeSize"])
    assert outcome(functions, arn) == '"unpacked"'


@pytest.mark.shows("packages")
@pytest.mark.parametrize("package", refused(at_upload=False))
def test_what_only_unpacking_shows_is_refused_when_it_is_invoked(
    functions: "LambdaClient", served: World, package: Package
) -> None:
    """In Lambda's own name for it; no folder is left, and the simulator goes on as before."""
    before = environments(served)
    said = outcome(functions, deployed(functions, served, package))
    assert said.startswith("InvalidZipFileException: Lambda could not unzip the deployment package. ")
    assert (package.reason_contains or "") in said
    assert environments(served) == before
    assert served.http.get("/_simulator/health").status_code == 200


def test_a_function_runs_after_all_of_them(functions: "LambdaClient", served: World) -> None:
    """No environment was taken away by those that could not be made."""
    assert outcome(functions, deployed(functions, served, BY_NAME["a_long_name"])) == '"unpacked"'


def test_a_job_with_a_hostile_package_fails_and_says_why(functions: "LambdaClient", served: World) -> None:
    """As a grader that breaks does."""
    arn = deployed(functions, served, BY_NAME["wrong_checksum"], name="hostile-reward")
    job = served.run(jsonl(100), function=arn)
    assert (job["status"], job["error"]["code"]) == ("failed", "grader_error")
    assert "not a usable zip archive: Bad CRC-32 for file 'a'" in job["error"]["message"]
