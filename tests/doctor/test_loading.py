"""Loading a reward function from a folder, a file, a zip or a deployed function, and the one-line errors."""

import hashlib
import io
import json
import math
import os
import socket
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from client.deployment_package import build_package
from simulator.doctor.deployed_function import DeployedRewardFunction
from simulator.doctor.loading import CLOSED_PORT, LoadError, load_reward_function
from simulator.doctor.reward_function import RewardFunction
from simulator.lambdas.errors import AccessDenied, FunctionNotFound, InvocationRejected, RequestTooLarge, Throttled
from simulator.lambdas.limits import MAX_UNZIPPED_BYTES
from tests.lambdas.zips import zip_files
from tests.simulators import RunningSimulator

ROOT = Path(__file__).parents[2]
EVENT = b'[{"id": "a", "messages": [{"role": "assistant", "content": "#### 72"}]}]'
ONE = '[{"id": "a", "aggregate_reward_score": 1.0}]'
SOURCE = f"def lambda_handler(event, context):\n    return {ONE}\n"


@contextmanager
def load(reward: object, **options: Any) -> Iterator[RewardFunction]:
    """Load a reward function as a command does."""
    with load_reward_function(str(reward), wall_clock=time, **options) as function:
        yield function


def load_error(reward: object, **options: Any) -> str:
    """Return the error of a reward function that cannot be loaded."""
    with pytest.raises(LoadError) as raised, load(reward, **options):
        pass
    return str(raised.value)


def free_port() -> int:
    """Return a port where nothing listens."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a reward function that scores 1."""
    folder = tmp_path / "my_reward"
    folder.mkdir()
    (folder / "lambda_function.py").write_text(SOURCE)
    return folder


def test_a_folder_is_run_as_a_deployed_function(folder: Path) -> None:
    """With Amazon's time-out and memory, in a real worker process."""
    with load(folder) as function:
        invocation = function.invoke(EVENT)
        assert (function.name, function.timeout, function.memory_mb) == (str(folder), 300, 512)
        assert (json.loads(invocation.payload), invocation.function_error) == (json.loads(ONE), None)


def test_the_doctor_packs_the_same_bytes_as_rft_deploy() -> None:
    """The two have separate code."""
    with load(ROOT / "reward_lambda") as function:
        assert function.spec is not None
        assert hashlib.sha256(function.spec.code).hexdigest() == build_package(ROOT / "reward_lambda").sha256


def test_caches_and_hidden_files_are_not_packed(folder: Path) -> None:
    """All other files are, also those in subfolders."""
    for name in ("data/labels.json", "__pycache__/x.pyc", ".env", ".git/config", "old.pyc"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    with load(folder) as function:
        assert function.spec is not None
        with zipfile.ZipFile(io.BytesIO(function.spec.code)) as archive:
            assert archive.namelist() == ["data/labels.json", "lambda_function.py"]


@pytest.mark.parametrize("name", ["reward.py", "my-reward.py", "reward.v2.py"])
def test_a_single_file_of_any_name_is_run(name: str, tmp_path: Path) -> None:
    """Its handler is its lambda_handler."""
    (tmp_path / name).write_text(SOURCE)
    with load(tmp_path / name) as function:
        assert json.loads(function.invoke(EVENT).payload) == json.loads(ONE)


def test_a_zip_is_run_unchanged(tmp_path: Path) -> None:
    """The bytes of the file, unchanged."""
    package = zip_files({"lambda_function.py": SOURCE})
    (tmp_path / "reward.zip").write_bytes(package)
    with load(tmp_path / "reward.zip") as function:
        assert function.spec is not None
        assert (function.spec.code, json.loads(function.invoke(EVENT).payload)) == (package, json.loads(ONE))


def test_the_options_configure_the_function(tmp_path: Path) -> None:
    """Handler, time-out, memory and variables reach the function."""
    (tmp_path / "grading").mkdir()
    (tmp_path / "grading" / "judge.py").write_text(
        "import os\n"
        "def grade(event, context):\n"
        "    names = ('MODEL', 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', '_HANDLER', 'AWS_REGION')\n"
        "    return [os.environ[name] for name in names] + [context.get_remaining_time_in_millis() <= 7000]\n"
    )
    options = {"handler": "grading.judge.grade", "timeout": 7, "memory_mb": 256, "environment": {"MODEL": "small"}}
    with load(tmp_path, **options, region="us-east-1") as function:
        assert json.loads(function.invoke(EVENT).payload) == ["small", "256", "grading.judge.grade", "us-east-1", True]


def test_a_restart_starts_a_new_environment(folder: Path) -> None:
    """The next call is a cold start."""
    with load(folder) as function:
        cold = []
        for _ in range(2):
            cold.append(function.invoke(EVENT).init_ms is not None)
            cold.append(function.invoke(EVENT).init_ms is not None)
            function.restart()
    assert cold == [True, False, True, False]


def test_a_function_cannot_be_invoked_after_its_block(folder: Path) -> None:
    """The block closes its pool."""
    with load(folder) as function:
        pass
    with pytest.raises(InvocationRejected):
        function.invoke(EVENT)


def _endpoint(folder: Path, **options: Any) -> str:
    (folder / "lambda_function.py").write_text(
        "import os\ndef lambda_handler(event, context):\n    return os.environ['AWS_ENDPOINT_URL']\n"
    )
    with load(folder, **options) as function:
        endpoint: str = json.loads(function.invoke(EVENT).payload)
    return endpoint


def test_without_a_simulator_aws_calls_go_to_a_closed_port(folder: Path) -> None:
    """No simulator was named, or the named one does not run."""
    unused_url = f"http://127.0.0.1:{free_port()}"
    assert [_endpoint(folder), _endpoint(folder, simulator=unused_url)] == [CLOSED_PORT, CLOSED_PORT]


def test_with_a_simulator_aws_calls_go_to_it(folder: Path, served_simulator: RunningSimulator) -> None:
    """As from a function that is deployed in it."""
    assert _endpoint(folder, simulator=served_simulator.url) == served_simulator.url


def test_a_missing_path_is_reported_as_missing(tmp_path: Path) -> None:
    """A path is not taken for the name of a function."""
    assert load_error(tmp_path / "nothing") == (
        f"{tmp_path}/nothing does not exist. Give a folder, a .py file, a zip, or a function's ARN or name."
    )


def test_the_error_for_a_missing_module_names_the_module_with_the_handler(tmp_path: Path) -> None:
    """The option can be copied."""
    (tmp_path / "reward.py").write_text(SOURCE)
    assert load_error(tmp_path) == (
        f"{tmp_path} holds no lambda_function.py, but reward.py defines lambda_handler: --handler reward.lambda_handler"
    )


def test_the_error_for_a_missing_handler_names_a_similar_function(folder: Path) -> None:
    """It is probably the handler."""
    (folder / "lambda_function.py").write_text("def handler(event, context): ...\n")
    assert load_error(folder) == (
        f"{folder}/lambda_function.py defines no lambda_handler(event, context). --handler lambda_function.handler?"
    )


def test_a_syntax_error_is_reported_with_its_line(tmp_path: Path) -> None:
    """Before a worker is started."""
    (tmp_path / "reward.py").write_text("def lambda_handler(event, context):\n    return [\n")
    assert load_error(tmp_path / "reward.py") == (
        f"{tmp_path}/reward.py, line 2: '[' was never closed. Python cannot read this file, so Lambda cannot either."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is no folder, no .py file and no zip archive.", id="no bytes"),
        pytest.param(b"PK?", "is no folder, no .py file and no zip archive.", id="no zip"),
        pytest.param(zip_files({}), "is empty.", id="an empty zip"),
        pytest.param(
            zip_files({"lambda_function.py": SOURCE, "../out.py": ""}),
            ": Lambda could not unzip the deployment package. The function's zip names a path outside the package: "
            "'../out.py'.",
            id="a path out of the package",
        ),
        pytest.param(
            zip_files({"reward/lambda_function.py": SOURCE}),
            "holds reward/lambda_function.py and no lambda_function.py: give what is inside the folder reward.",
            id="the folder was zipped with its name",
        ),
        pytest.param(
            zip_files({"lambda_function.py": "#" * 5_000_001}),
            ": lambda_function.py has 5,000,001 bytes, and no more than 5,000,000 of Python are read. "
            "Put data into a file of its own.",
            id="too long a program",
        ),
        pytest.param(
            zip_files({"README": "x"}),
            "holds no lambda_function.py with lambda_handler(event, context). "
            "Name the handler with --handler MODULE.FUNCTION.",
            id="no module",
        ),
    ],
)
def test_an_unusable_zip_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    """With a one-line error."""
    (tmp_path / "reward.zip").write_bytes(content)
    separator = "" if message.startswith(":") else " "
    assert load_error(tmp_path / "reward.zip") == f"{tmp_path}/reward.zip{separator}{message}"


def test_a_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its declared size. The limit is lowered, because 262 MB take a second to zip."""
    monkeypatch.setattr("simulator.lambdas.archive.MAX_UNZIPPED_BYTES", 1_000_000)
    (tmp_path / "reward.zip").write_bytes(zip_files({"lambda_function.py": SOURCE, "zeros": bytes(1_000_000)}))
    assert load_error(tmp_path / "reward.zip") == (
        f"{tmp_path}/reward.zip: Lambda could not unzip the deployment package. The function's zip is too large: "
        "unzipped size must be smaller than 1000000 bytes for the function and its layers, and it declares "
        f"{1_000_000 + len(SOURCE)}."
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"# -*- coding: nosuch -*-\n", ": unknown encoding: nosuch"),
        (b"x = 1\x00\n", ": source code "),
        (b"x = " + b"-" * 200_000 + b"1\n", ": an expression is nested too deeply"),
        (b"x = " + b"1+" * 200_000 + b"1\n", ": an expression is nested too deeply"),
    ],
    ids=["encoding", "NUL", "the parser's stack", "the tree's depth"],
)
def test_source_that_python_cannot_read_is_refused(source: bytes, message: str, tmp_path: Path) -> None:
    """With a one-line error."""
    (tmp_path / "reward.py").write_bytes(source)
    error = load_error(tmp_path / "reward.py")
    assert error.startswith(f"{tmp_path}/reward.py{message}")
    assert error.endswith(". Python cannot read this file, so Lambda cannot either.")
    assert "\n" not in error


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """Reading it would wait forever."""
    os.mkfifo(tmp_path / "reward")
    assert load_error(tmp_path / "reward").startswith(
        f"{tmp_path}/reward is no file and no folder but a pipe or a device."
    )


def test_a_folder_above_lambdas_limit_is_refused_unread(folder: Path) -> None:
    """For example with a model in it. Only the sizes of its files are read."""
    with (folder / "model.bin").open("wb") as model:
        model.truncate(MAX_UNZIPPED_BYTES)  # all of it a hole
    assert load_error(folder).startswith(f"{folder} holds more than the 262,144,000 bytes that Lambda takes unzipped.")


def test_a_module_with_the_name_of_a_standard_library_module_is_refused(tmp_path: Path) -> None:
    """Lambda's runtime has already imported Python's json when it imports the handler."""
    (tmp_path / "json.py").write_text(SOURCE)
    assert load_error(tmp_path / "json.py") == (
        f"{tmp_path}/json.py: the handler's module json has the name of one of Python's own, which would be imported "
        "in its place. Rename it."
    )


def test_a_handler_that_is_a_coroutine_is_refused(folder: Path) -> None:
    """Lambda does not await a handler."""
    (folder / "lambda_function.py").write_text(f"async {SOURCE}")
    assert load_error(folder) == (
        f"{folder}/lambda_function.py defines lambda_handler with `async def`, and Lambda awaits nothing: what it "
        "returns is no answer. Make it `def`, and call asyncio.run(...) in it."
    )


@pytest.mark.parametrize("handler", ["lambda_handler", "lambda_function.", ".lambda_handler"])
def test_a_malformed_handler_is_refused(handler: str, folder: Path) -> None:
    """Lambda needs a module and a function."""
    assert load_error(folder, handler=handler) == (
        f"{handler!r} is no handler: name a module and a function, such as --handler lambda_function.lambda_handler."
    )


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    """`rft deploy` does not pack it either."""
    (tmp_path / "secret.txt").write_text("x")
    (folder / "data.txt").symlink_to(tmp_path / "secret.txt")
    assert load_error(folder).startswith(f"{folder}/data.txt is a link that leads out of the folder, to ")


@pytest.mark.parametrize("options", [{"timeout": 901}, {"timeout": 0}, {"timeout": math.nan}, {"memory_mb": 64}])
def test_a_configuration_that_lambda_would_refuse_is_refused(options: dict[str, float], folder: Path) -> None:
    """With Lambda's message."""
    assert load_error(folder, **options).startswith("Lambda would not take this configuration: 1 validation error")


def test_a_function_name_without_a_simulator_is_refused() -> None:
    """The error says what was tried and what to start."""
    port = free_port()
    assert load_error("my-reward", simulator=f"http://127.0.0.1:{port}") == (
        "my-reward is no file or folder here, so it names a deployed function, and no simulator runs: nothing listens "
        f"on 127.0.0.1:{port} yet. Start one with `rft-sim serve`; for a function at AWS set RFT_TARGET=bedrock."
    )


def test_an_invalid_function_name_is_refused(served_simulator: RunningSimulator) -> None:
    """With an example of an ARN."""
    assert load_error("my reward", simulator=served_simulator.url).startswith(
        "my reward is neither a file or folder nor a Lambda function's ARN or name, such as arn:aws:lambda:us-west-2:"
    )


def test_options_of_a_package_are_refused_for_a_deployed_function(served_simulator: RunningSimulator) -> None:
    """It has its own configuration."""
    assert load_error("my-reward", simulator=served_simulator.url, timeout=5).startswith(
        "--timeout is for a function that is run"
    )


@pytest.mark.parametrize("form", ["{arn}", "{name}", "{arn}:$LATEST"])
def test_a_function_deployed_in_a_simulator_is_invoked_there(form: str, served_simulator: RunningSimulator) -> None:
    """By ARN or name. Lambda's API gives its configuration, its response and its log."""
    arn = served_simulator.deploy(
        ROOT / "fixtures" / "graders" / "always_one", name=f"invoked-{len(form)}", timeout=17, memory=192
    )
    reward = form.format(arn=arn, name=arn.rpartition(":")[2])
    with load(reward, simulator=served_simulator.url) as function:
        first, second = function.invoke(EVENT), function.invoke(EVENT)
        assert (function.name, function.timeout, function.memory_mb, function.spec) == (reward, 17, 192, None)
    assert (json.loads(first.payload), first.function_error) == (json.loads(ONE), None)
    assert (first.init_ms is None, second.init_ms is None, second.duration_ms > 0) == (False, True, True)
    assert second.log_lines[0].startswith("START RequestId")


def test_an_exception_in_a_deployed_function_is_a_function_error(served_simulator: RunningSimulator) -> None:
    """The invocation itself succeeded."""
    arn = served_simulator.deploy(ROOT / "fixtures" / "graders" / "raises", name="raising")
    with load(arn, simulator=served_simulator.url) as function:
        assert function.invoke(EVENT).function_error == "Unhandled"


def test_a_missing_function_is_reported_as_missing(served_simulator: RunningSimulator) -> None:
    """With the simulator that does not have it."""
    arn = "arn:aws:lambda:us-west-2:123456789012:function:nowhere"
    assert load_error(arn, simulator=served_simulator.url) == (
        f"Function not found: {arn} in the simulator at {served_simulator.url}. "
        "Deploy it, or look at the name, the region and the account."
    )


def test_an_event_above_lambdas_limit_is_not_sent(served_simulator: RunningSimulator) -> None:
    """The limit is 6 MB."""
    arn = served_simulator.deploy(ROOT / "fixtures" / "graders" / "always_one", name="large")
    with load(arn, simulator=served_simulator.url) as function, pytest.raises(RequestTooLarge):
        function.invoke(b'"' + b"x" * 6_300_000 + b'"')


def test_a_function_without_concurrency_is_throttled(served_simulator: RunningSimulator) -> None:
    """The error differs from a function error."""
    arn = served_simulator.deploy(ROOT / "fixtures" / "graders" / "always_one", name="throttled")
    served_simulator.lambda_client.put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=0)
    with load(arn, simulator=served_simulator.url) as function, pytest.raises(Throttled):
        function.invoke(EVENT)


class FailingLambdaClient:
    """A Lambda client that refuses every call."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def invoke(self, **_request: Any) -> Any:
        """Raise the error."""
        raise self._error


@pytest.mark.parametrize(
    ("error", "error_type", "message"),
    [
        pytest.param(
            ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "The token is expired"}}, "Invoke"),
            AccessDenied,
            "the AWS credentials have expired: sign in again (The token is expired).",
            id="expired",
        ),
        pytest.param(
            ClientError({"Error": {"Code": "UnrecognizedClientException", "Message": "invalid"}}, "Invoke"),
            AccessDenied,
            "AWS does not know the AWS credentials (UnrecognizedClientException: invalid).",
            id="unknown",
        ),
        pytest.param(
            ClientError({"Error": {"Code": "AccessDeniedException", "Message": "User is not authorized."}}, "Invoke"),
            AccessDenied,
            "not permitted on the-arn: User is not authorized. The caller needs lambda:InvokeFunction and "
            "lambda:GetFunctionConfiguration.",
            id="denied",
        ),
        pytest.param(
            ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "gone"}}, "Invoke"),
            FunctionNotFound,
            "Function not found: the-arn in AWS. Deploy it, or look at the name, the region and the account.",
            id="gone",
        ),
        pytest.param(
            ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}}, "Invoke"),
            Throttled,
            "Rate Exceeded.",
            id="throttled",
        ),
        pytest.param(
            ClientError({"Error": {"Code": "KMSAccessDeniedException", "Message": "no key"}}, "Invoke"),
            InvocationRejected,
            "KMSAccessDeniedException: no key",
            id="another",
        ),
        pytest.param(
            NoCredentialsError(),
            InvocationRejected,
            "Lambda in AWS could not be reached: Unable to locate credentials.",
            id="none",
        ),
    ],
)
def test_an_error_of_aws_is_explained(error: Exception, error_type: type[InvocationRejected], message: str) -> None:
    """With a fake client."""
    client: Any = FailingLambdaClient(error)
    function = DeployedRewardFunction(
        name="the-arn", timeout=3, memory_mb=128, location="AWS", client=client, now=lambda: 0.0
    )
    with pytest.raises(InvocationRejected) as raised:
        function.invoke(EVENT)
    assert (type(raised.value), raised.value.message) == (error_type, message)


def test_a_function_at_aws_without_credentials_is_refused() -> None:
    """boto3 finds no credentials, so no request is sent."""
    arn = "arn:aws:lambda:us-west-2:123456789012:function:mine"
    assert load_error(arn, at_aws=True) == f"Lambda could not be asked for {arn} in AWS: Unable to locate credentials."
