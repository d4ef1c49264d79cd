"""The patches of moto's stores, random generator, clock and object tracking, one test for each.

A state sees nothing of moto's process-wide state and leaves nothing in it, for the sake of moto's other users.
"""

import gc
import io
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.aws.moto_app import load_moto
from simulator.aws.moto_state import ACCOUNT_CREATION_TIME, MotoContext, MotoState, OperationTime
from simulator.aws.request import AwsRequest

ACCOUNT = "123456789012"
REGION = "us-west-2"
PROCESS_ACCOUNT = "999999999999"
TIME = OperationTime(simulated_us=1_767_225_600_000_007, caller_seconds=1_800_000_000.5)


@pytest.fixture
def simulator() -> Iterator[MotoState]:
    """An empty state, while moto's process-wide state has an account."""
    load_moto()
    from moto.core.base_backend import BackendDict  # noqa: PLC0415 - moto is slow to import
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    BackendDict.reset()
    iam_backends[PROCESS_ACCOUNT]["aws"].create_user(REGION, "outsider")
    state = MotoState(seed=7)
    yield state
    state.close()
    BackendDict.reset()


STORE_READS: dict[str, Callable[[Any], object]] = {
    "iter": list,
    "keys": lambda store: list(store.keys()),
    "values": lambda store: [account.account_id for account in store.values()],
    "items": lambda store: [name for name, _ in store.items()],
    "get": lambda store: [name for name in (ACCOUNT, PROCESS_ACCOUNT) if store.get(name) is not None],
    "in": lambda store: [name for name in (ACCOUNT, PROCESS_ACCOUNT) if name in store],
    "dict": lambda store: list(dict(store)),
    "len": lambda store: [ACCOUNT] * len(store),
    "iter_backends": lambda store: [name for name, region, _ in store.iter_backends() if region == "aws"],
}


@pytest.mark.parametrize("look", STORE_READS)
def test_every_read_of_a_store_uses_the_active_state(simulator: MotoState, look: str) -> None:
    """Without a context, the process-wide one."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test"):
        assert iam_backends[ACCOUNT]["aws"].users == {}
        inside = STORE_READS[look](iam_backends)
    assert (inside, look == "len" or STORE_READS[look](iam_backends)) == ([ACCOUNT], look == "len" or [PROCESS_ACCOUNT])


def test_every_removal_from_a_store_uses_the_active_state(simulator: MotoState) -> None:
    """By `del`, `pop` and `clear`."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test"):
        for take_out in (lambda: iam_backends.pop(ACCOUNT), iam_backends.clear):
            assert iam_backends[ACCOUNT]["aws"].users == {}
            take_out()
            assert list(iam_backends) == []
    assert list(iam_backends[PROCESS_ACCOUNT]["aws"].users) == ["outsider"]


def test_attributes_of_a_store_belong_to_the_active_state(simulator: MotoState) -> None:
    """S3's store maps buckets to accounts."""
    from moto.s3.models import s3_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test"):
        s3_backends[ACCOUNT]["aws"].create_bucket("bucket", REGION)
        inside = dict(s3_backends.bucket_accounts)
    assert (inside, s3_backends.bucket_accounts) == ({"bucket": ("aws", ACCOUNT)}, {})


def test_resetting_moto_does_not_change_a_state(simulator: MotoState) -> None:
    """`mock_aws` resets all stores in use, before and after."""
    from moto import mock_aws  # noqa: PLC0415 - moto is slow to import
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test"):
        iam_backends[ACCOUNT]["aws"].create_user(REGION, "ann")
    with mock_aws():
        assert list(iam_backends) == []
    with simulator.activate(TIME, "test"):
        assert list(iam_backends[ACCOUNT]["aws"].users) == ["ann"]


def test_the_initial_contents_of_an_account_do_not_depend_on_the_first_request(simulator: MotoState) -> None:
    """AWS's policies get random ids at the first use of an account."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    def ids(of: MotoState, *address: object) -> list[str]:
        with of.activate(TIME, *address):
            return [policy.id for policy in iam_backends[ACCOUNT]["aws"].managed_policies.values()]

    first = ids(simulator, "request", 1)
    assert first == ids(MotoState(seed=7), "reading", 5) != ids(MotoState(seed=8), "request", 1)


RANDOM_DRAWS: dict[str, Callable[[Any], object]] = {
    "random": lambda chance: chance.random(),
    "getrandbits": lambda chance: chance.getrandbits(64),
    "randint": lambda chance: chance.randint(0, 10**9),
    "choice": lambda chance: chance.choice(range(10**9)),
    "choices": lambda chance: chance.choices(range(10**9), k=3),
    "sample": lambda chance: chance.sample(range(10**9), 3),
    "uniform": lambda chance: chance.uniform(0, 1),
    "randbytes": lambda chance: chance.randbytes(8),
    "uuid1": lambda chance: chance.uuid1(),
    "uuid4": lambda chance: chance.uuid4(),
    "hex": lambda chance: chance.get_random_hex(),
    "string": lambda chance: chance.get_random_string(),
    "token": lambda chance: chance.token_urlsafe(8),
}


@pytest.mark.parametrize("draw", RANDOM_DRAWS)
def test_random_draws_depend_on_seed_and_address_only(simulator: MotoState, draw: str) -> None:
    """They do not advance the process-wide generator."""
    from moto.moto_api._internal import mock_random  # noqa: PLC0415 - moto is slow to import

    def drawn(of: MotoState, *address: object) -> object:
        with of.activate(TIME, *address):
            return RANDOM_DRAWS[draw](mock_random)

    mock_random.seed(3)
    outside = RANDOM_DRAWS[draw](mock_random)
    mock_random.seed(3)
    first = drawn(simulator, "request", 1)
    assert RANDOM_DRAWS[draw](mock_random) == outside
    assert first == drawn(MotoState(seed=7), "request", 1)
    assert first not in (drawn(simulator, "request", 2), drawn(MotoState(seed=8), "request", 1))


def session_token() -> object:
    """Create a session token of STS."""
    from moto.sts.utils import random_session_token  # noqa: PLC0415 - moto is slow to import

    return random_session_token()


def upload_id() -> object:
    """Start a multipart upload."""
    from moto.s3.models import FakeMultipart  # noqa: PLC0415 - moto is slow to import

    return FakeMultipart("key", {}, account_id=ACCOUNT, region_name=REGION).id  # type: ignore[arg-type]  # no metadata


def mfa_qr_code() -> object:
    """Create the QR code of an MFA device."""
    from moto.iam.models import VirtualMfaDevice  # noqa: PLC0415 - moto is slow to import

    return VirtualMfaDevice(ACCOUNT, REGION, "phone").qr_code_png


@pytest.mark.parametrize("make", [session_token, upload_id, mfa_qr_code])
def test_system_randomness_comes_from_the_context(simulator: MotoState, make: Callable[[], object]) -> None:
    """These modules of moto call `os.urandom`."""

    def state(of: MotoState) -> object:
        with of.activate(TIME, "request", 1):
            return make()

    assert state(simulator) == state(MotoState(seed=7)) != make()


def bucket(_: MotoContext) -> object:
    """Return the creation time of a bucket."""
    from moto.s3.models import s3_backends  # noqa: PLC0415 - moto is slow to import

    return s3_backends[ACCOUNT]["aws"].create_bucket("bucket", REGION).creation_date


def user(_: MotoContext) -> object:
    """Return the creation time of a user."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    return iam_backends[ACCOUNT]["aws"].create_user(REGION, "ann").create_date.replace(tzinfo=UTC)


def session(_: MotoContext) -> object:
    """Return the expiry of a session of 0 seconds."""
    from moto.sts.models import sts_backends  # noqa: PLC0415 - moto is slow to import

    return sts_backends[ACCOUNT]["aws"].get_session_token(0).expiration.replace(tzinfo=UTC)


def event(context: MotoContext) -> object:
    """Return the ingestion time of an event dated `now` by a caller."""
    from moto.logs.models import logs_backends  # noqa: PLC0415 - moto is slow to import

    backend = logs_backends[ACCOUNT][REGION]
    backend.ensure_log_group("group")
    backend.ensure_log_stream("group", "stream")
    now = int(context.time.caller_seconds * 1000)
    backend.put_log_events("group", "stream", [{"timestamp": now, "message": "hello"}])
    (taken_in,) = backend.groups["group"].streams["stream"].events
    return datetime.fromtimestamp(taken_in.ingestion_time / 1000, tz=UTC)


SIMULATED = datetime(2026, 1, 1, microsecond=7, tzinfo=UTC)
CALLER_TIME = datetime(2027, 1, 15, 8, microsecond=500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "time"), [(bucket, SIMULATED), (user, SIMULATED), (session, CALLER_TIME), (event, CALLER_TIME)]
)
def test_moto_uses_the_time_of_the_context(
    simulator: MotoState, when: Callable[[MotoContext], object], time: datetime
) -> None:
    """The simulated time for creation, the callers' time for checks."""
    with simulator.activate(TIME, "test") as context:
        assert (when(context), context.time) == (time, TIME)


def test_waiting_for_a_message_takes_no_time(simulator: MotoState) -> None:
    """No message can arrive, and SQS would wait forever, because its time is fixed."""
    from moto.sqs.models import sqs_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test") as context:
        backend = sqs_backends[ACCOUNT][REGION]
        backend.create_queue("queue", {})
        value = backend.receive_message("queue", 1, wait_seconds_timeout=20, visibility_timeout=30)
        assert (value, context.time.simulated_us - TIME.simulated_us) == ([], 21_000_000)


def test_ids_of_log_events_come_from_the_context(simulator: MotoState) -> None:
    """Moto counts them in a class; FilterLogEvents returns them."""
    from moto.logs.models import LogEvent  # noqa: PLC0415 - moto is slow to import

    def ids(of: MotoState, *address: object) -> list[int]:
        with of.activate(TIME, *address):
            return [LogEvent(0, {"timestamp": 0, "message": ""}).event_id for _ in range(2)]

    first, others = ids(simulator, "request", 1), ids(simulator, "request", 2)
    assert first == ids(MotoState(seed=7), "request", 1)
    assert len({*first, *others}) == 4


@pytest.mark.slow
def test_an_unreferenced_state_is_freed(simulator: MotoState) -> None:
    """Moto keeps all objects in its classes and caches the callers of region look-ups."""
    from moto.s3.models import FakeKey, s3_backends  # noqa: PLC0415 - moto is slow to import

    tracked = vars(FakeKey)["instances_tracked"]
    before = len(tracked)
    other = MotoState(seed=7)
    with other.activate(TIME, "test"):
        backend = s3_backends[ACCOUNT]["aws"]
        backend.create_bucket("bucket", REGION)
        key = weakref.ref(backend.put_object("bucket", "key", b"value"))
    assert (key() is None, len(tracked)) == (False, before)
    other.close()
    del other, backend
    gc.collect()
    assert key() is None


def test_an_overwritten_object_is_closed_at_once(simulator: MotoState) -> None:
    """A large object is a file that moto would keep open."""
    from moto.s3.models import FakeKey, s3_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test"):
        backend = s3_backends[ACCOUNT]["aws"]
        backend.create_bucket("bucket", REGION)
        buffers = [backend.put_object("bucket", "key", bytes(size))._value_buffer for size in (6_000_000, 1)]
    assert [buffer.closed for buffer in buffers] == [True, False]
    with pytest.warns(ResourceWarning, match="not disposed"):
        FakeKey("key", b"value", account_id=ACCOUNT, region_name=REGION).__del__()
    vars(FakeKey)["instances_tracked"].pop().dispose()


def test_closing_a_state_closes_its_objects(simulator: MotoState) -> None:
    """Even those with other references."""
    from moto.s3.models import s3_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test"):
        backend = s3_backends[ACCOUNT]["aws"]
        backend.create_bucket("bucket", REGION)
        key = backend.put_object("bucket", "key", bytes(6_000_000))
    simulator.close()
    assert key._value_buffer.closed


def test_motos_own_api_is_not_served(simulator: MotoState) -> None:
    """/moto-api could reset the whole process; here it is a bucket name."""
    page = AwsRequest(method="GET", target="/moto-api/", headers=(("host", "localhost"),))
    with simulator.activate(ACCOUNT_CREATION_TIME, "test"):
        answer = load_moto().handle(page, io.BytesIO())
    assert (answer.status, b"NoSuchBucket" in answer.body) == (404, True)
