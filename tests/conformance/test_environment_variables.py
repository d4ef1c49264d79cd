"""A program that is told nothing but the environment speaks to the simulator, whichever client it is written with."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from simulator.settings import Settings, client_environment
from tests.conformance.environments import LITELLM, NEWEST, NODE, OLDEST, Environment
from tests.conformance.simulator_host import required
from tests.simulators import BASE, REGION, World, served_world

ASK = f"chat.completions.create(model='{BASE}', messages=[{{'role': 'user', 'content': '?'}}])"
PLAIN = f"import openai; print(openai.OpenAI().{ASK}.model)"
BEDROCK = f"import openai; print(openai.BedrockOpenAI().{ASK}.model)"
SIGNED = f"import openai; print(openai.BedrockOpenAI(api_key=None).{ASK}.model)"
MODULE = f"import openai; openai.api_type = 'amazon-bedrock'; print(openai.{ASK}.model)"
OF_LITELLM = f"""
import litellm
ask = [{{"role": "user", "content": "?"}}]
print(litellm.completion(model="bedrock_mantle/{BASE}", messages=ask).model)
"""
OF_NODE = f"""
import OpenAI from "openai";
const ask = [{{ role: "user", content: "?" }}];
const answer = await new OpenAI().chat.completions.create({{ model: "{BASE}", messages: ask }});
console.log(answer.model);
"""
PROGRAMS: dict[str, tuple[Environment, str]] = {
    "OpenAI, oldest": (OLDEST, PLAIN),
    "OpenAI, newest": (NEWEST, PLAIN),
    "BedrockOpenAI": (NEWEST, BEDROCK),
    "BedrockOpenAI, signed": (NEWEST, SIGNED),
    "OPENAI_API_TYPE": (NEWEST, MODULE),
    "LiteLLM": (LITELLM, OF_LITELLM),
    "Node": (NODE, OF_NODE),
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A simulator on a socket."""
    with served_world(Settings(port=0)) as made:
        yield made


@pytest.mark.shows("variables-alone")
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_client_needs_the_environment_and_nothing_else(world: World, name: str) -> None:
    """What `rft-sim exec` and `rft-sim env` set is enough: no address, key or region stands in the program."""
    environment, program = PROGRAMS[name]
    required(environment)
    kept = {variable: os.environ[variable] for variable in ("HOME", "PATH") if variable in os.environ}
    command = ["node", "--input-type=module", "-e"] if environment is NODE else [str(environment.python), "-c"]
    done = subprocess.run(
        [*command, program],
        cwd=environment.folder,
        env=client_environment(url=world.url, region=REGION, key=world.key, inherited=kept),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip().removeprefix("bedrock_mantle/"), done.returncode) == (BASE, 0), done.stderr
