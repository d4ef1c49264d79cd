"""`rft-sim serve`, in a process of its own: what it says at the start, and of each request that it refuses."""

import os
import signal
import subprocess
import sys
import urllib.request
from urllib.error import HTTPError

import pytest

from tests.end_to_end.commands import ROOT, rft_sim

_TOLD = "GET /v1/nowhere 404 "
_ASK = """
import os, urllib.request, urllib.error
try:
    urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/v1/nowhere")
except urllib.error.HTTPError as error:
    error.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("options", "lines"), [([], 1), (["--quiet"], 0)])
def test_the_banners_line_works_as_it_is_and_refusals_are_told(options: list[str], lines: int) -> None:
    """For any port and region; `--quiet` says nothing of refusals."""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "serve", "--port", "0", "--region", "eu-west-1", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    url = process.stdout.readline().split()[2]
    line = process.stdout.readline()
    command = line.partition('eval "$(rft-sim ')[2].partition(')"')[0]
    pointed = rft_sim(*command.split())
    assert pointed.stderr == ""
    assert {f"export AWS_ENDPOINT_URL='{url}'", "export AWS_REGION='eu-west-1'"} <= set(pointed.stdout.splitlines())
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(f"{url}/v1/nowhere")
    refused.value.close()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert [line[: len(_TOLD)] for line in errors.splitlines()] == [_TOLD] * lines


@pytest.mark.slow
@pytest.mark.parametrize(("options", "lines"), [([], 0), (["--verbose"], 1)])
def test_exec_tells_of_refusals_only_when_asked(options: list[str], lines: int) -> None:
    """Its command owns the terminal."""
    done = rft_sim("exec", *options, "--", sys.executable, "-c", _ASK)
    assert done.returncode == 0
    assert [line[: len(_TOLD)] for line in done.stderr.splitlines()] == [_TOLD] * lines


@pytest.mark.slow
def test_a_setting_with_an_option_of_its_own_can_be_set_too() -> None:
    """In the forms that the option takes."""
    ask = (
        "import os, urllib.request;"
        "print(urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/_simulator/health').read().decode())"
    )
    done = rft_sim(
        *("exec", "--set", "epoch=2026-01-31T12:00:00Z", "--set", "region=eu-west-1", "--"),
        *(sys.executable, "-c", ask),
    )
    assert done.stdout == '{"data":null,"now":1769860800,"region":"eu-west-1","status":"ok"}\n'


@pytest.mark.slow
def test_help_loads_neither_the_server_nor_aws() -> None:
    """It is there at once."""
    script = (
        "import sys, simulator.__main__;"
        "print(sorted({'boto3', 'fastapi', 'moto', 'openai', 'pydantic', 'uvicorn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
