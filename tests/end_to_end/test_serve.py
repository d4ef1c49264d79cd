"""`rft-sim serve` in a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from tests.end_to_end.commands import ROOT
from tests.simulators import connect_simulator

REFUSED = "GET /v1/nowhere 404 "


@pytest.mark.slow
def test_serve_stops_cleanly_keeps_its_data_and_reports_refused_requests(tmp_path: Path) -> None:
    """It prints where it listens and a command that points a shell to it. --quiet does not report refusals."""
    processes = [
        ([], signal.SIGINT, 0, "Stopped.\n", [REFUSED]),
        (["--quiet"], signal.SIGTERM, 143, "", []),
    ]
    uploads: list[list[bytes]] = []
    for options, number, code, last_line, errors in processes:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "simulator", "serve", "--port", "0", "--region", "eu-west-1"),
                *("--data", str(tmp_path / "data"), *options),
            ],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        url = process.stdout.readline().split()[2]
        env_command = process.stdout.readline().partition('eval "$(rft-sim ')[2].partition(')"')[0]
        printed = CliRunner().invoke(app, env_command.split())
        assert printed.stderr == ""
        assert {f"export AWS_ENDPOINT_URL='{url}'", "export AWS_REGION='eu-west-1'"} <= set(printed.stdout.splitlines())
        key = printed.stdout.partition("OPENAI_API_KEY='")[2].partition("'")[0]
        with connect_simulator(url) as simulator:
            simulator.http.headers["authorization"] = f"Bearer {key}"
            files = simulator.http.get("/v1/files").json()["data"]
            uploads.append([simulator.http.get(f"/v1/files/{file['id']}/content").content for file in files])
            simulator.upload(b"one\r\ntwo")
            assert simulator.http.get("/v1/nowhere").status_code == 404
        process.send_signal(number)
        output, error_output = process.communicate(timeout=30)
        assert (process.returncode, output) == (code, last_line)
        assert [line[: len(REFUSED)] for line in error_output.splitlines()] == errors
        assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert uploads == [[], [b"one\r\ntwo"]]


@pytest.mark.slow
def test_help_loads_neither_the_server_nor_aws() -> None:
    """`rft-sim --help` answers at once."""
    script = (
        "import sys, simulator.cli.app;"
        "print(sorted({'boto3', 'fastapi', 'moto', 'openai', 'pydantic', 'uvicorn'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
