"""Functions that AWS runs and this machine does not: other languages, container images, and Pythons that it lacks."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from simulator.lambdas.interpreters import own_interpreter
from simulator.settings import LambdaPython, Settings
from tests.lambdas.zips import zip_files
from tests.simulators import RunningSimulator, reinforcement_method, serve_simulator
from tests.training.training_files import make_training_file

if TYPE_CHECKING:
    from mypy_boto3_lambda.literals import RuntimeType

GRADER = Path(__file__).parents[2] / "fixtures" / "graders" / "always_one"
OWN = own_interpreter()
OTHER = "python3.12" if OWN.version != (3, 12) else "python3.13"
REASON = f"The function's Runtime is {OTHER}, but no Python {OTHER[6:]} was found on this machine"
ADVICE = f"Install Python {OTHER[6:]}, for example with `uv python install {OTHER[6:]}`"
PARAM = "method.reinforcement.grader.lambda.function"


def refused_error(simulator: RunningSimulator, function: str) -> Any:
    """Return the error of a job that is refused when it is created."""
    file_id = simulator.upload(make_training_file(100))
    body = {"model": "openai.gpt-oss-20b", "training_file": file_id, "method": reinforcement_method(function)}
    answer = simulator.http.post("/v1/fine_tuning/jobs", json=body)
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]


def test_a_function_in_another_language_is_refused_when_the_job_is_created(
    served_simulator: RunningSimulator,
) -> None:
    """With the reason. CreateFunction accepts it, as at AWS."""
    function = served_simulator.deploy(GRADER, name="in-node", runtime="nodejs22.x")

    assert refused_error(served_simulator, function) == {
        "code": "validation_error",
        "message": (
            f"Invalid '{PARAM}': the simulator runs functions in Python only, and "
            f"{function} has Runtime nodejs22.x. Bedrock accepts it, but its rewards cannot be computed here."
        ),
        "param": PARAM,
        "type": "invalid_request_error",
    }


def test_a_container_image_is_refused_when_the_job_is_created(served_simulator: RunningSimulator) -> None:
    """The simulator has no container engine."""
    function = served_simulator.lambda_client.create_function(
        FunctionName="an-image",
        Role=served_simulator.execution_role,
        PackageType="Image",
        Code={"ImageUri": "123456789012.dkr.ecr.us-west-2.amazonaws.com/reward@sha256:" + "0" * 64},
    )["FunctionArn"]

    assert refused_error(served_simulator, function)["message"] == (
        f"Invalid '{PARAM}': {function} is a container image; the simulator runs "
        "zips only. Deploy it with PackageType Zip."
    )


@pytest.mark.slow
@pytest.mark.shows("function-python")
@pytest.mark.parametrize("runtime", [OWN.runtime, OTHER])
def test_a_job_whose_function_runs_on_another_python_has_one_warning(
    served_simulator: RunningSimulator, runtime: str
) -> None:
    """And a job on the Python of its function's Runtime has none."""
    function = served_simulator.deploy(GRADER, name="reward-" + runtime.replace(".", "-"), runtime=runtime)

    job = served_simulator.run_job(make_training_file(100), function=function)

    events = served_simulator.list_events(job["id"])
    expected = [f"{REASON}, so it runs on Python {OWN.runtime[6:]} here. {ADVICE}."] if runtime == OTHER else []
    assert job["status"] == "succeeded"
    assert [event["message"] for event in events if event["level"] == "warn"] == expected


@pytest.mark.slow
def test_a_setting_refuses_a_function_whose_python_is_missing() -> None:
    """Before the job exists."""
    with serve_simulator(Settings(port=0, lambda_python=LambdaPython.EXACT)) as simulator:
        error = refused_error(simulator, simulator.deploy(GRADER, runtime=OTHER))
        jobs = simulator.http.get("/v1/fine_tuning/jobs").json()["data"]

    assert (error["message"], jobs) == (
        f"Invalid '{PARAM}': {REASON}. {ADVICE}, or run it on another Python with the setting lambda_python=nearest.",
        [],
    )


@pytest.mark.slow
@pytest.mark.shows("compiled-modules")
def test_a_compiled_module_that_cannot_be_loaded_is_named_in_a_warning_and_in_the_error(
    served_simulator: RunningSimulator,
) -> None:
    """Python itself says only `No module named '_fast'`."""
    code = zip_files(
        {
            "lambda_function.py": "import _fast\ndef lambda_handler(event, context): return []\n",
            "_fast.abi3.so": b"\xcf\xfa\xed\xfe\x0c\x00\x00\x01" + bytes(64),
        }
    )
    function = served_simulator.lambda_client.create_function(
        FunctionName="for-a-mac",
        Runtime=cast("RuntimeType", OWN.runtime),
        Role=served_simulator.execution_role,
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": code},
    )["FunctionArn"]

    job = served_simulator.run_job(make_training_file(100), function=function)

    text = (
        f"_fast.abi3.so is built for macOS on arm64, but the function has Runtime {OWN.runtime} on x86_64, so Lambda "
        "cannot load it. Install its package for Lambda with `pip install --platform manylinux2014_x86_64 "
        f"--python-version {OWN.runtime[6:]} --only-binary=:all: --target FOLDER PACKAGE`."
    )
    warnings = [event["message"] for event in served_simulator.list_events(job["id"]) if event["level"] == "warn"]
    assert (job["status"], warnings) == ("failed", [text])
    assert "the function failed with Runtime.ImportModuleError: Unable to import module" in job["error"]["message"]
    assert f"{text} It was grading the text" in job["error"]["message"]
