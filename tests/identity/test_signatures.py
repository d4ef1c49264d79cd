"""SigV4 signatures as AWS's own published examples have them."""

import pytest

from simulator.identity.signatures import EMPTY_PAYLOAD_SHA256, SignedRequest, compute_signature
from simulator.identity.sigv4 import CredentialScope

# AWS's SigV4 test suite: its credentials, scope and time.
SCOPE = CredentialScope(access_key_id="AKIDEXAMPLE", date="20150830", region="us-east-1", service="service")
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HEADERS = (("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z"))
PUBLISHED_SIGNATURE = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


def sign(*, path: str = "/", query: str = "", headers: tuple[tuple[str, str], ...] = HEADERS) -> str:
    """Sign a request of the test suite."""
    request = SignedRequest(method="GET", path=path, query=query, headers=headers, timestamp="20150830T123600Z")
    return compute_signature(request, scope=SCOPE, secret=SECRET, payload_sha256=EMPTY_PAYLOAD_SHA256)


def test_the_plainest_request_has_the_published_signature() -> None:
    """`get-vanilla` of the suite."""
    assert sign() == PUBLISHED_SIGNATURE


@pytest.mark.parametrize("path", ["/", "//", "/./", "/x/.."])
def test_a_path_is_normalized(path: str) -> None:
    """`get-relative`, `get-slash` and their like have the signature of the plainest one."""
    assert sign(path=path) == PUBLISHED_SIGNATURE


def test_the_order_of_headers_does_not_matter() -> None:
    """Nor do the blanks around a value."""
    assert (
        sign(headers=(("x-amz-date", "20150830T123600Z"), ("host", "  example.amazonaws.com "))) == PUBLISHED_SIGNATURE
    )


def test_every_header_that_is_said_to_be_signed_counts() -> None:
    """Also those that botocore itself never signs."""
    assert sign(headers=(*HEADERS, ("user-agent", "curl"))) not in {
        PUBLISHED_SIGNATURE,
        sign(headers=(*HEADERS, ("user-agent", "other"))),
    }


def test_parameters_are_sorted() -> None:
    """`get-vanilla-query-order-key-case` of the suite."""
    assert sign(query="Param2=value2&Param1=value1") == (
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    )
