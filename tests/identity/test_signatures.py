"""SigV4 signatures as AWS's own published examples have them."""

import pytest

from simulator.identity.signatures import NOTHING, SignedRequest, signature
from simulator.identity.sigv4 import SignedScope

# AWS's SigV4 test suite: its credentials, scope and time.
SCOPE = SignedScope(access_key_id="AKIDEXAMPLE", date="20150830", region="us-east-1", service="service")
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HEADERS = (("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z"))
VANILLA = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


def made(*, path: str = "/", query: str = "", headers: tuple[tuple[str, str], ...] = HEADERS) -> str:
    """Sign a request of the test suite."""
    request = SignedRequest(method="GET", path=path, query=query, headers=headers, timestamp="20150830T123600Z")
    return signature(request, scope=SCOPE, secret=SECRET, payload_sha256=NOTHING)


def test_the_plainest_request_has_the_published_signature() -> None:
    """`get-vanilla` of the suite."""
    assert made() == VANILLA


@pytest.mark.parametrize("path", ["/", "//", "/./", "/x/.."])
def test_a_path_is_normalized(path: str) -> None:
    """`get-relative`, `get-slash` and their like have the signature of the plainest one."""
    assert made(path=path) == VANILLA


def test_the_order_of_headers_does_not_matter() -> None:
    """Nor do the blanks around a value."""
    assert made(headers=(("x-amz-date", "20150830T123600Z"), ("host", "  example.amazonaws.com "))) == VANILLA


def test_every_header_that_is_said_to_be_signed_counts() -> None:
    """Also those that botocore itself never signs."""
    assert made(headers=(*HEADERS, ("user-agent", "curl"))) not in {
        VANILLA,
        made(headers=(*HEADERS, ("user-agent", "other"))),
    }


def test_parameters_are_sorted() -> None:
    """`get-vanilla-query-order-key-case` of the suite."""
    assert made(query="Param2=value2&Param1=value1") == (
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    )
