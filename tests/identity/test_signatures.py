"""SigV4 signatures of AWS's published examples."""

import pytest

from simulator.identity.signatures import EMPTY_PAYLOAD_SHA256, SignedRequest, compute_signature
from simulator.identity.sigv4 import CredentialScope

# AWS's SigV4 test suite: its credentials, scope and time.
SCOPE = CredentialScope(access_key_id="AKIDEXAMPLE", date="20150830", region="us-east-1", service="service")
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HEADERS = (("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z"))
PUBLISHED_SIGNATURE = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"


def sign(*, path: str = "/", query: str = "", headers: tuple[tuple[str, str], ...] = HEADERS) -> str:
    """Sign a request of AWS's test suite."""
    request = SignedRequest(method="GET", path=path, query=query, headers=headers, timestamp="20150830T123600Z")
    return compute_signature(request, scope=SCOPE, secret=SECRET, payload_sha256=EMPTY_PAYLOAD_SHA256)


def test_get_vanilla_has_the_published_signature() -> None:
    """The simplest request of the suite."""
    assert sign() == PUBLISHED_SIGNATURE


@pytest.mark.parametrize("path", ["/", "//", "/./", "/x/.."])
def test_a_path_is_normalized(path: str) -> None:
    """`get-relative`, `get-slash` and others have the signature of `get-vanilla`."""
    assert sign(path=path) == PUBLISHED_SIGNATURE


def test_order_and_blanks_of_headers_are_normalized() -> None:
    """The signature stays the same."""
    assert (
        sign(headers=(("x-amz-date", "20150830T123600Z"), ("host", "  example.amazonaws.com "))) == PUBLISHED_SIGNATURE
    )


def test_every_signed_header_is_in_the_signature() -> None:
    """Including those that botocore never signs."""
    assert sign(headers=(*HEADERS, ("user-agent", "curl"))) not in {
        PUBLISHED_SIGNATURE,
        sign(headers=(*HEADERS, ("user-agent", "other"))),
    }


def test_query_parameters_are_sorted() -> None:
    """`get-vanilla-query-order-key-case` of the suite."""
    assert sign(query="Param2=value2&Param1=value1") == (
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    )
