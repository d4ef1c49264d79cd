"""Asking a running server which region it is, and answering a shell that trusts the answer."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from typer.testing import CliRunner

from simulator.cli.app import app
from simulator.http.server_discovery import discover_region


@contextmanager
def serve_once(body: bytes) -> Iterator[int]:
    """Answer one request with `body`; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(body)

        thread = Thread(target=answer)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def health_response(**body: object) -> bytes:
    """Return a whole HTTP answer."""
    return b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(body).encode()


def unused_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.mark.parametrize(
    "body",
    [
        health_response(region="'; touch /nowhere; '"),
        health_response(region=["us-west-2"]),
        health_response(status="ok"),
        b"HTTP/1.0 404 Not Found\r\n\r\nnothing",
        b"HTTP/1.0 200 OK\r\n\r\n\xff",
        b"HTTP/1.0 200 OK\r\n\r\n[]",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
def test_whatever_else_listens_is_no_simulator_and_says_nothing_to_a_shell(body: bytes) -> None:
    """Only the name of a region passes."""
    with serve_once(body) as port:
        assert discover_region("127.0.0.1", port) == (None, f"the program on 127.0.0.1:{port} is not a simulator")


def test_env_signs_for_the_region_that_the_server_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to say it twice, and no proxy is asked."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    with serve_once(health_response(now=0, region="eu-west-1", status="ok")) as port:
        done = CliRunner().invoke(app, ["env", "--port", str(port)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert {"export AWS_REGION='eu-west-1'", "export AWS_DEFAULT_REGION='eu-west-1'"} <= set(done.stdout.splitlines())


def test_env_warns_when_nobody_is_there_and_prints_its_lines_all_the_same() -> None:
    """A server may be started later."""
    port = unused_port()
    done = CliRunner().invoke(app, ["env", "--port", str(port)])
    assert (done.exit_code, done.stderr) == (
        0,
        f"rft-sim: nothing listens on 127.0.0.1:{port} yet; these variables are for a simulator in us-west-2\n",
    )
    assert "export AWS_REGION='us-west-2'" in done.stdout.splitlines()


def test_env_warns_of_a_region_that_is_not_the_servers() -> None:
    """Its keys would be refused."""
    with serve_once(health_response(now=0, region="eu-west-1", status="ok")) as port:
        done = CliRunner().invoke(app, ["env", "--port", str(port), "--region", "us-east-1"])
    said = (
        f"rft-sim: the simulator on 127.0.0.1:{port} is in eu-west-1; these variables are for a simulator in us-east-1"
    )
    assert (done.exit_code, done.stderr) == (0, f"{said}\n")
    assert "export AWS_REGION='us-east-1'" in done.stdout.splitlines()
