"""The origin check: a web page in a browser on this machine must not reach the simulator."""

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from simulator.settings import Settings
from tests.simulators import RunningSimulator, serve_simulator

PROTECTED_PATHS = ("/_simulator/reset", "/v1/files", "/2015-03-31/functions")
FOREIGN_ORIGINS = ("http://example.com", "https://127.0.0.1.example.com", "http://127.0.0.1:1", "null")
FOREIGN_HOSTS = (
    "evil.notlocal",
    "example.com",
    "example.com:8723",
    "127.0.0.1.example.com",
    "localhost.example.com",
    "rft.example.com.",
)
LOCAL_HOSTS = (
    *("127.0.0.1", "127.0.0.1:8723", "[::1]:8723", "10.0.0.7", "localhost", "localhost:8723", "bucket.localhost:8723"),
    *("simulator:8723", "host.docker.internal", "laptop.local", "rft.example.com:8723", "bucket.RFT.example.com"),
)


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """A simulator with a public name."""
    with serve_simulator(Settings(hosts=("rft.example.com",))) as created:
        yield created


def send_request(simulator: RunningSimulator, method: str, path: str, **headers: str) -> tuple[int, str | None]:
    """Return the status and the hint of an answer to a request with only these headers."""
    address = urlsplit(simulator.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port)
    simulator.exit_stack.callback(connection.close)
    connection.putrequest(method, path, skip_host="host" in headers, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.headers["x-simulator-hint"]


@pytest.mark.parametrize("path", PROTECTED_PATHS)
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_page_of_another_site_is_refused(simulator: RunningSimulator, path: str, origin: str) -> None:
    """A browser sends its origin with every POST."""
    refused = send_request(simulator, "POST", path, origin=origin)
    assert refused == (403, "send no Origin header; programs other than browsers send none")


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_public_host_name_is_refused(simulator: RunningSimulator, host: str) -> None:
    """Its owner can point it at this machine (DNS rebinding)."""
    refused = send_request(simulator, "GET", "/_simulator/health", host=host)
    assert refused == (403, "use 127.0.0.1, or start the simulator with --set hosts=NAME")


@pytest.mark.parametrize("host", LOCAL_HOSTS)
def test_a_private_host_name_is_accepted(simulator: RunningSimulator, host: str) -> None:
    """Addresses, names of a local network, and the names in the settings with their subdomains."""
    assert send_request(simulator, "GET", "/_simulator/health", host=host) == (200, None)


def test_a_page_of_the_simulator_itself_is_accepted(simulator: RunningSimulator) -> None:
    """Its origin is the address of the request."""
    assert (
        send_request(simulator, "GET", "/_simulator/health", host="localhost:8723", origin="http://localhost:8723")[0]
        == 200
    )
