"""A program of any client reaches the simulator with environment variables only."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from simulator.cli.environment import build_client_environment
from simulator.settings import Settings
from tests.conformance.environments import LITELLM, NEWEST, NODE, OLDEST, Environment
from tests.conformance.simulator_host import require_environment
from tests.simulators import BASE_MODEL, REGION, RunningSimulator, serve_simulator

pytestmark = pytest.mark.slow

CHAT_CALL = f"chat.completions.create(model='{BASE_MODEL}', messages=[{{'role': 'user', 'content': '?'}}])"
PLAIN = f"import openai; print(openai.OpenAI().{CHAT_CALL}.model)"
BEDROCK = f"import openai; print(openai.BedrockOpenAI().{CHAT_CALL}.model)"
SIGNED = f"import openai; print(openai.BedrockOpenAI(api_key=None).{CHAT_CALL}.model)"
MODULE = f"import openai; openai.api_type = 'amazon-bedrock'; print(openai.{CHAT_CALL}.model)"
LITELLM_PROGRAM = f"""
import litellm
ask = [{{"role": "user", "content": "?"}}]
print(litellm.completion(model="bedrock_mantle/{BASE_MODEL}", messages=ask).model)
"""
NODE_PROGRAM = f"""
import OpenAI from "openai";
const ask = [{{ role: "user", content: "?" }}];
const answer = await new OpenAI().chat.completions.create({{ model: "{BASE_MODEL}", messages: ask }});
console.log(answer.model);
"""
PROGRAMS: dict[str, tuple[Environment, str]] = {
    "OpenAI, oldest": (OLDEST, PLAIN),
    "OpenAI, newest": (NEWEST, PLAIN),
    "BedrockOpenAI": (NEWEST, BEDROCK),
    "BedrockOpenAI, signed": (NEWEST, SIGNED),
    "OPENAI_API_TYPE": (NEWEST, MODULE),
    "LiteLLM": (LITELLM, LITELLM_PROGRAM),
    "Node": (NODE, NODE_PROGRAM),
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """A simulator on a socket."""
    with serve_simulator(Settings(port=0)) as running_simulator:
        yield running_simulator


@pytest.mark.shows("variables-alone")
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_client_needs_the_environment_and_nothing_else(simulator: RunningSimulator, name: str) -> None:
    """Those of `rft-sim exec` and `rft-sim env`. The program holds no address, key or region."""
    environment, program = PROGRAMS[name]
    require_environment(environment)
    inherited = {variable: os.environ[variable] for variable in ("HOME", "PATH") if variable in os.environ}
    command = ["node", "--input-type=module", "-e"] if environment is NODE else [str(environment.python), "-c"]
    result = subprocess.run(
        [*command, program],
        cwd=environment.folder,
        env=build_client_environment(url=simulator.url, region=REGION, key=simulator.key, inherited=inherited),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.stdout.strip().removeprefix("bedrock_mantle/"), result.returncode) == (BASE_MODEL, 0), result.stderr
