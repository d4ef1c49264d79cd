"""How a client is identified: by its header, or by the holder of its key."""

from base64 import b64encode

import pytest

from simulator.http.asgi import Scope
from simulator.identity.session_key import create_session_key
from simulator.verdict.client_identity import ClientIdentifier

SIGNATURE = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-west-2/bedrock/aws4_request, SignedHeaders=host, Signature=0"


def request_with(*headers: tuple[bytes, str]) -> Scope:
    """Return the scope of a request with these headers."""
    return {"headers": [(name, value.encode("latin-1")) for name, value in headers]}


def short_term_key(second: int) -> str:
    """Return the header with a short-term key that an access key signs at this second."""
    query = f"bedrock.amazonaws.com/?X-Amz-Credential=AKID%2F20260101%2Fus-west-2&X-Amz-Date={second}"
    return f"Bearer bedrock-api-key-{b64encode(query.encode()).decode()}"


def test_a_client_is_named_by_the_access_key_that_signs() -> None:
    """Two short-term keys and a signed request of the same access key have one name and three digests."""
    identifier = ClientIdentifier()
    clients = [
        identifier.identify(request_with((b"authorization", value)))
        for value in (short_term_key(1), short_term_key(2), SIGNATURE)
    ]
    assert len({client.name for client in clients}) == 1
    assert len({client.key_digest for client in clients}) == 3


@pytest.mark.parametrize(
    "authorization", ["Bearer ABSKother", "Bearer bedrock-api-key-%%%", "Bearer bedrock-api-key-QUJD", "Basic x"]
)
def test_any_other_key_has_its_own_name(authorization: str) -> None:
    """Also an invalid one."""
    identifier = ClientIdentifier()
    others = {
        identifier.identify(request_with((b"authorization", short_term_key(1)))).name,
        identifier.identify(request_with()).name,
    }
    assert identifier.identify(request_with((b"authorization", authorization))).name not in others
    assert identifier.identify(request_with()).name == "no key"


def test_a_client_may_name_itself() -> None:
    """The name is cut, and printed on one line."""
    headers = ((b"authorization", "Bearer ABSKkey"), (b"x-simulator-client", "trainer\x1b[31m" + "x" * 100))
    client = ClientIdentifier().identify(request_with(*headers))
    assert (client.name, client.is_named) == ("trainer\\x1b[31m" + "x" * 25, True)


def test_no_key_is_kept() -> None:
    """Neither the name nor the digest contains it."""
    key = create_session_key("us-west-2")
    identifier = ClientIdentifier()
    client = identifier.identify(request_with((b"authorization", f"Bearer {key}")))
    assert (len(client.name), len(client.key_digest)) == (len("key 01234567"), 8)
    assert key not in repr(vars(identifier))
