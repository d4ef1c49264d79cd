"""How a reward function is admitted: a folder, a file, a zip, a deployed one's name, or a line that says why not."""

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
    """Admit as a command does."""
    with load_reward_function(str(reward), wall_clock=time, **options) as patient:
        yield patient


def load_error(reward: object, **options: Any) -> str:
    """Return why a reward is not admitted."""
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
    made = tmp_path / "my_reward"
    made.mkdir()
    (made / "lambda_function.py").write_text(SOURCE)
    return made


def test_a_folder_is_run_as_it_would_be_deployed(folder: Path) -> None:
    """Amazon's time-out and memory, and an answer from a real worker."""
    with load(folder) as patient:
        invocation = patient.invoke(EVENT)
        assert (patient.name, patient.timeout, patient.memory_mb) == (str(folder), 300, 512)
        assert (json.loads(invocation.payload), invocation.function_error) == (json.loads(ONE), None)


def test_the_very_bytes_are_examined_that_would_be_deployed() -> None:
    """`rft deploy` and the doctor pack a folder alike, though neither knows of the other."""
    with load(ROOT / "reward_lambda") as patient:
        assert patient.spec is not None
        assert hashlib.sha256(patient.spec.code).hexdigest() == build_package(ROOT / "reward_lambda").sha256


def test_caches_and_hidden_files_stay_at_home(folder: Path) -> None:
    """All other files are there, also those of folders within."""
    for name in ("data/labels.json", "__pycache__/x.pyc", ".env", ".git/config", "old.pyc"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    with load(folder) as patient:
        assert patient.spec is not None
        with zipfile.ZipFile(io.BytesIO(patient.spec.code)) as archive:
            assert archive.namelist() == ["data/labels.json", "lambda_function.py"]


@pytest.mark.parametrize("name", ["reward.py", "my-reward.py", "reward.v2.py"])
def test_a_single_file_of_any_name_is_run(name: str, tmp_path: Path) -> None:
    """Its handler is its lambda_handler."""
    (tmp_path / name).write_text(SOURCE)
    with load(tmp_path / name) as patient:
        assert json.loads(patient.invoke(EVENT).payload) == json.loads(ONE)


def test_a_zip_is_run_as_it_is(tmp_path: Path) -> None:
    """The bytes of the file, unchanged."""
    package = zip_files({"lambda_function.py": SOURCE})
    (tmp_path / "reward.zip").write_bytes(package)
    with load(tmp_path / "reward.zip") as patient:
        assert patient.spec is not None
        assert (patient.spec.code, json.loads(patient.invoke(EVENT).payload)) == (package, json.loads(ONE))


def test_the_configuration_is_the_commands(tmp_path: Path) -> None:
    """Handler, time-out, memory and variables reach the function."""
    (tmp_path / "grading").mkdir()
    (tmp_path / "grading" / "judge.py").write_text(
        "import os\n"
        "def grade(event, context):\n"
        "    names = ('MODEL', 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', '_HANDLER', 'AWS_REGION')\n"
        "    return [os.environ[name] for name in names] + [context.get_remaining_time_in_millis() <= 7000]\n"
    )
    options = {"handler": "grading.judge.grade", "timeout": 7, "memory_mb": 256, "environment": {"MODEL": "small"}}
    with load(tmp_path, **options, region="us-east-1") as patient:
        assert json.loads(patient.invoke(EVENT).payload) == ["small", "256", "grading.judge.grade", "us-east-1", True]


def test_a_restart_makes_a_fresh_environment(folder: Path) -> None:
    """The next call is a cold start."""
    with load(folder) as patient:
        cold = []
        for _ in range(2):
            cold.append(patient.invoke(EVENT).init_ms is not None)
            cold.append(patient.invoke(EVENT).init_ms is not None)
            patient.restart()
    assert cold == [True, False, True, False]


def test_nothing_of_a_patient_outlives_its_admission(folder: Path) -> None:
    """Its pool is closed with the block."""
    with load(folder) as patient:
        pass
    with pytest.raises(InvocationRejected):
        patient.invoke(EVENT)


def _endpoint(folder: Path, **options: Any) -> str:
    (folder / "lambda_function.py").write_text(
        "import os\ndef lambda_handler(event, context):\n    return os.environ['AWS_ENDPOINT_URL']\n"
    )
    with load(folder, **options) as patient:
        said: str = json.loads(patient.invoke(EVENT).payload)
    return said


def test_without_a_simulator_aws_calls_end_at_a_closed_port(folder: Path) -> None:
    """None was named, or nothing runs where one was."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert [_endpoint(folder), _endpoint(folder, simulator=nowhere)] == [CLOSED_PORT, CLOSED_PORT]


def test_with_a_simulator_aws_calls_go_there(folder: Path, served_simulator: RunningSimulator) -> None:
    """As they would from a function that is deployed in it."""
    assert _endpoint(folder, simulator=served_simulator.url) == served_simulator.url


def test_a_missing_path_is_said_to_be_missing(tmp_path: Path) -> None:
    """What looks like a path is not taken for a function's name."""
    assert load_error(tmp_path / "nothing") == (
        f"{tmp_path}/nothing does not exist. Give a folder, a .py file, a zip, or a function's ARN or name."
    )


def test_a_folder_without_the_module_names_the_one_that_has_the_handler(tmp_path: Path) -> None:
    """The option can be copied."""
    (tmp_path / "reward.py").write_text(SOURCE)
    assert load_error(tmp_path) == (
        f"{tmp_path} holds no lambda_function.py, but reward.py defines lambda_handler: --handler reward.lambda_handler"
    )


def test_a_module_without_the_handler_names_one_like_it(folder: Path) -> None:
    """A handler by another name is likely meant."""
    (folder / "lambda_function.py").write_text("def handler(event, context): ...\n")
    assert load_error(folder) == (
        f"{folder}/lambda_function.py defines no lambda_handler(event, context). --handler lambda_function.handler?"
    )


def test_a_syntax_error_is_shown_by_its_line(tmp_path: Path) -> None:
    """Before any worker is started."""
    (tmp_path / "reward.py").write_text("def lambda_handler(event, context):\n    return [\n")
    assert load_error(tmp_path / "reward.py") == (
        f"{tmp_path}/reward.py, line 2: '[' was never closed. Python cannot read this file, so Lambda cannot either."
    )


@pytest.mark.parametrize(
    ("content", "said"),
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
            zip_files({"lambda_function.py": SOURCE, "zeros": bytes(MAX_UNZIPPED_BYTES)}),
            ": Lambda could not unzip the deployment package. The function's zip is too large: unzipped size must be "
            "smaller than 262144000 bytes for the function and its layers, and it declares "
            f"{MAX_UNZIPPED_BYTES + len(SOURCE)}.",
            id="a bomb",
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
def test_a_zip_that_is_none_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "reward.zip").write_bytes(content)
    glue = "" if said.startswith(":") else " "
    assert load_error(tmp_path / "reward.zip") == f"{tmp_path}/reward.zip{glue}{said}"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b"# -*- coding: nosuch -*-\n", ": unknown encoding: nosuch"),
        (b"x = 1\x00\n", ": source code "),
        (b"x = " + b"-" * 200_000 + b"1\n", ": an expression is nested too deeply"),
        (b"x = " + b"1+" * 200_000 + b"1\n", ": an expression is nested too deeply"),
    ],
    ids=["encoding", "NUL", "the parser's stack", "the tree's depth"],
)
def test_text_that_python_cannot_read_is_refused_in_a_line(source: bytes, said: str, tmp_path: Path) -> None:
    """Whatever Python stumbles over."""
    (tmp_path / "reward.py").write_bytes(source)
    told = load_error(tmp_path / "reward.py")
    assert told.startswith(f"{tmp_path}/reward.py{said}")
    assert told.endswith(". Python cannot read this file, so Lambda cannot either.")
    assert "\n" not in told


def test_a_pipe_is_no_reward(tmp_path: Path) -> None:
    """Nobody would ever write to it."""
    os.mkfifo(tmp_path / "reward")
    assert load_error(tmp_path / "reward").startswith(
        f"{tmp_path}/reward is no file and no folder but a pipe or a device."
    )


def test_a_folder_larger_than_lambda_takes_is_refused_unread(folder: Path) -> None:
    """A model that was left lying in it, say: its size alone is looked at."""
    with (folder / "model.bin").open("wb") as model:
        model.truncate(MAX_UNZIPPED_BYTES)  # all of it a hole
    assert load_error(folder).startswith(f"{folder} holds more than the 262,144,000 bytes that Lambda takes unzipped.")


def test_a_module_named_like_one_of_pythons_own_is_refused(tmp_path: Path) -> None:
    """Lambda's runtime has imported json before it looks for the handler, and takes that one."""
    (tmp_path / "json.py").write_text(SOURCE)
    assert load_error(tmp_path / "json.py") == (
        f"{tmp_path}/json.py: the handler's module json has the name of one of Python's own, which would be imported "
        "in its place. Rename it."
    )


def test_a_handler_that_is_a_coroutine_is_refused(folder: Path) -> None:
    """Lambda does not await it."""
    (folder / "lambda_function.py").write_text(f"async {SOURCE}")
    assert load_error(folder) == (
        f"{folder}/lambda_function.py defines lambda_handler with `async def`, and Lambda awaits nothing: what it "
        "returns is no answer. Make it `def`, and call asyncio.run(...) in it."
    )


@pytest.mark.parametrize("handler", ["lambda_handler", "lambda_function.", ".lambda_handler"])
def test_a_handler_names_a_module_and_a_function(handler: str, folder: Path) -> None:
    """As Lambda wants it."""
    assert load_error(folder, handler=handler) == (
        f"{handler!r} is no handler: name a module and a function, such as --handler lambda_function.lambda_handler."
    )


def test_a_link_that_leads_out_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    """`rft deploy` does not pack it either."""
    (tmp_path / "secret.txt").write_text("x")
    (folder / "data.txt").symlink_to(tmp_path / "secret.txt")
    assert load_error(folder).startswith(f"{folder}/data.txt is a link that leads out of the folder, to ")


@pytest.mark.parametrize("options", [{"timeout": 901}, {"timeout": 0}, {"timeout": math.nan}, {"memory_mb": 64}])
def test_a_configuration_that_lambda_would_refuse_is_refused(options: dict[str, float], folder: Path) -> None:
    """With Lambda's words."""
    assert load_error(folder, **options).startswith("Lambda would not take this configuration: 1 validation error")


def test_without_a_simulator_a_name_is_no_function() -> None:
    """What was tried, and what to start."""
    port = free_port()
    assert load_error("my-reward", simulator=f"http://127.0.0.1:{port}") == (
        "my-reward is no file or folder here, so it names a deployed function, and no simulator runs: nothing listens "
        f"on 127.0.0.1:{port} yet. Start one with `rft-sim serve`; for a function at AWS set RFT_TARGET=bedrock."
    )


def test_what_is_no_function_name_is_refused(served_simulator: RunningSimulator) -> None:
    """The form of an ARN is shown."""
    assert load_error("my reward", simulator=served_simulator.url).startswith(
        "my reward is neither a file or folder nor a Lambda function's ARN or name, such as arn:aws:lambda:us-west-2:"
    )


def test_options_of_a_package_are_refused_for_a_deployed_function(served_simulator: RunningSimulator) -> None:
    """It has its own configuration, and to ignore the option would be to examine another one."""
    assert load_error("my-reward", simulator=served_simulator.url, timeout=5).startswith(
        "--timeout is for a function that is run"
    )


@pytest.mark.parametrize("form", ["{arn}", "{name}", "{arn}:$LATEST"])
def test_a_function_deployed_in_a_simulator_is_asked_there(form: str, served_simulator: RunningSimulator) -> None:
    """By ARN or name; its configuration, its answer and its log come from Lambda's API."""
    arn = served_simulator.deploy(
        ROOT / "fixtures" / "graders" / "always_one", name=f"asked-{len(form)}", timeout=17, memory=192
    )
    reward = form.format(arn=arn, name=arn.rpartition(":")[2])
    with load(reward, simulator=served_simulator.url) as patient:
        first, second = patient.invoke(EVENT), patient.invoke(EVENT)
        assert (patient.name, patient.timeout, patient.memory_mb, patient.spec) == (reward, 17, 192, None)
    assert (json.loads(first.payload), first.function_error) == (json.loads(ONE), None)
    assert (first.init_ms is None, second.init_ms is None, second.duration_ms > 0) == (False, True, True)
    assert second.log_lines[0].startswith("START RequestId")


def test_what_a_deployed_function_raises_is_in_its_answer(served_simulator: RunningSimulator) -> None:
    """It was run, and failed: that is the function's own."""
    arn = served_simulator.deploy(ROOT / "fixtures" / "graders" / "raises", name="raising")
    with load(arn, simulator=served_simulator.url) as patient:
        assert patient.invoke(EVENT).function_error == "Unhandled"


def test_a_function_that_is_not_there_is_said_to_be_missing(served_simulator: RunningSimulator) -> None:
    """And where it was looked for."""
    arn = "arn:aws:lambda:us-west-2:123456789012:function:nowhere"
    assert load_error(arn, simulator=served_simulator.url) == (
        f"Function not found: {arn} in the simulator at {served_simulator.url}. "
        "Deploy it, or look at the name, the region and the account."
    )


def test_an_event_that_lambda_would_refuse_is_not_sent(served_simulator: RunningSimulator) -> None:
    """6 MB."""
    arn = served_simulator.deploy(ROOT / "fixtures" / "graders" / "always_one", name="large")
    with load(arn, simulator=served_simulator.url) as patient, pytest.raises(RequestTooLarge):
        patient.invoke(b'"' + b"x" * 6_300_000 + b'"')


def test_a_function_without_concurrency_is_throttled(served_simulator: RunningSimulator) -> None:
    """A refusal that a probe can tell from an answer."""
    arn = served_simulator.deploy(ROOT / "fixtures" / "graders" / "always_one", name="throttled")
    served_simulator.lambda_client.put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=0)
    with load(arn, simulator=served_simulator.url) as patient, pytest.raises(Throttled):
        patient.invoke(EVENT)


class FailingLambdaClient:
    """A Lambda client that refuses every call."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def invoke(self, **_request: Any) -> Any:
        """Raise the error."""
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind", "said"),
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
def test_a_refusal_at_aws_is_said_in_plain_words(error: Exception, kind: type[InvocationRejected], said: str) -> None:
    """Whatever the real service refuses for; nothing here speaks to it."""
    client: Any = FailingLambdaClient(error)
    patient = DeployedRewardFunction(
        name="the-arn", timeout=3, memory_mb=128, location="AWS", client=client, now=lambda: 0.0
    )
    with pytest.raises(InvocationRejected) as raised:
        patient.invoke(EVENT)
    assert (type(raised.value), raised.value.message) == (kind, said)


def test_without_credentials_a_function_at_aws_is_not_admitted() -> None:
    """boto3's own chain finds none, so nothing is sent."""
    arn = "arn:aws:lambda:us-west-2:123456789012:function:mine"
    assert load_error(arn, at_aws=True) == f"Lambda could not be asked for {arn} in AWS: Unable to locate credentials."
