"""The seams at which moto is made to go by a world: its stores, chance, time and what it tracks; one claim each.

A world sees nothing of the process's own moto and leaves nothing there, which is what others in the process use.
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
    """An empty world, while the process's own moto has an account."""
    load_moto()
    from moto.core.base_backend import BackendDict  # noqa: PLC0415 - moto is slow to import
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    BackendDict.reset()
    iam_backends[PROCESS_ACCOUNT]["aws"].create_user(REGION, "outsider")
    made = MotoState(seed=7)
    yield made
    made.close()
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
def test_however_a_store_is_looked_at_it_is_the_worlds(simulator: MotoState, look: str) -> None:
    """And outside of every turn it is the process's."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test"):
        assert iam_backends[ACCOUNT]["aws"].users == {}
        inside = STORE_READS[look](iam_backends)
    assert (inside, look == "len" or STORE_READS[look](iam_backends)) == ([ACCOUNT], look == "len" or [PROCESS_ACCOUNT])


def test_what_is_taken_out_of_a_store_is_taken_out_of_the_worlds(simulator: MotoState) -> None:
    """By `del`, `pop` and `clear`."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test"):
        for take_out in (lambda: iam_backends.pop(ACCOUNT), iam_backends.clear):
            assert iam_backends[ACCOUNT]["aws"].users == {}
            take_out()
            assert list(iam_backends) == []
    assert list(iam_backends[PROCESS_ACCOUNT]["aws"].users) == ["outsider"]


def test_an_attribute_of_a_store_is_the_worlds(simulator: MotoState) -> None:
    """S3's knows which account has which bucket."""
    from moto.s3.models import s3_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test"):
        s3_backends[ACCOUNT]["aws"].create_bucket("bucket", REGION)
        inside = dict(s3_backends.bucket_accounts)
    assert (inside, s3_backends.bucket_accounts) == ({"bucket": ("aws", ACCOUNT)}, {})


def test_resetting_moto_leaves_a_world_as_it_is(simulator: MotoState) -> None:
    """`mock_aws` does so at its beginning and its end, for every store that it knows to be in use."""
    from moto import mock_aws  # noqa: PLC0415 - moto is slow to import
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test"):
        iam_backends[ACCOUNT]["aws"].create_user(REGION, "ann")
    with mock_aws():
        assert list(iam_backends) == []
    with simulator.activate(TIME, "test"):
        assert list(iam_backends[ACCOUNT]["aws"].users) == ["ann"]


def test_what_an_account_comes_with_does_not_depend_on_who_looks_first(simulator: MotoState) -> None:
    """The policies of AWS have ids, which are made up when an account is first asked for anything."""
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
def test_each_draw_belongs_to_the_seed_and_to_the_turn(simulator: MotoState, draw: str) -> None:
    """And a draw in a turn takes none away from those outside."""
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
    """Make what STS makes."""
    from moto.sts.utils import random_session_token  # noqa: PLC0415 - moto is slow to import

    return random_session_token()


def upload_id() -> object:
    """Begin an upload in parts."""
    from moto.s3.models import FakeMultipart  # noqa: PLC0415 - moto is slow to import

    return FakeMultipart("key", {}, account_id=ACCOUNT, region_name=REGION).id  # type: ignore[arg-type]  # no metadata


def mfa_qr_code() -> object:
    """Make the picture of a device."""
    from moto.iam.models import VirtualMfaDevice  # noqa: PLC0415 - moto is slow to import

    return VirtualMfaDevice(ACCOUNT, REGION, "phone").qr_code_png


@pytest.mark.parametrize("make", [session_token, upload_id, mfa_qr_code])
def test_what_comes_from_the_systems_chance_belongs_to_the_turn(
    simulator: MotoState, make: Callable[[], object]
) -> None:
    """In these modules moto asks `os.urandom`."""

    def made(of: MotoState) -> object:
        with of.activate(TIME, "request", 1):
            return make()

    assert made(simulator) == made(MotoState(seed=7)) != make()


def bucket(_: MotoContext) -> object:
    """When a bucket was made."""
    from moto.s3.models import s3_backends  # noqa: PLC0415 - moto is slow to import

    return s3_backends[ACCOUNT]["aws"].create_bucket("bucket", REGION).creation_date


def user(_: MotoContext) -> object:
    """When a user was made."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    return iam_backends[ACCOUNT]["aws"].create_user(REGION, "ann").create_date.replace(tzinfo=UTC)


def session(_: MotoContext) -> object:
    """When a session of 0 seconds ends."""
    from moto.sts.models import sts_backends  # noqa: PLC0415 - moto is slow to import

    return sts_backends[ACCOUNT]["aws"].get_session_token(0).expiration.replace(tzinfo=UTC)


def event(turn: MotoContext) -> object:
    """When an event that a caller dates `now` was taken in."""
    from moto.logs.models import logs_backends  # noqa: PLC0415 - moto is slow to import

    backend = logs_backends[ACCOUNT][REGION]
    backend.ensure_log_group("group")
    backend.ensure_log_stream("group", "stream")
    now = int(turn.time.caller_seconds * 1000)
    backend.put_log_events("group", "stream", [{"timestamp": now, "message": "hello"}])
    (taken_in,) = backend.groups["group"].streams["stream"].events
    return datetime.fromtimestamp(taken_in.ingestion_time / 1000, tz=UTC)


SIMULATED = datetime(2026, 1, 1, microsecond=7, tzinfo=UTC)
CALLER_TIME = datetime(2027, 1, 15, 8, microsecond=500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "time"), [(bucket, SIMULATED), (user, SIMULATED), (session, CALLER_TIME), (event, CALLER_TIME)]
)
def test_moto_tells_the_time_of_the_turn(
    simulator: MotoState, when: Callable[[MotoContext], object], time: datetime
) -> None:
    """The simulator's time for what it keeps, the callers' for what is judged by it."""
    with simulator.activate(TIME, "test") as turn:
        assert (when(turn), turn.time) == (time, TIME)


def test_waiting_for_a_message_passes_at_once(simulator: MotoState) -> None:
    """Nothing can come while a turn is taken; SQS would look for ever, as its time stands still."""
    from moto.sqs.models import sqs_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test") as turn:
        backend = sqs_backends[ACCOUNT][REGION]
        backend.create_queue("queue", {})
        found = backend.receive_message("queue", 1, wait_seconds_timeout=20, visibility_timeout=30)
        assert (found, turn.time.simulated_us - TIME.simulated_us) == ([], 21_000_000)


def test_ids_of_events_belong_to_the_turn(simulator: MotoState) -> None:
    """Moto counts them in a class, for all that there are; they are what FilterLogEvents tells."""
    from moto.logs.models import LogEvent  # noqa: PLC0415 - moto is slow to import

    def ids(of: MotoState, *address: object) -> list[int]:
        with of.activate(TIME, *address):
            return [LogEvent(0, {"timestamp": 0, "message": ""}).event_id for _ in range(2)]

    first, others = ids(simulator, "request", 1), ids(simulator, "request", 2)
    assert first == ids(MotoState(seed=7), "request", 1)
    assert len({*first, *others}) == 4


def test_a_world_that_nobody_holds_is_freed(simulator: MotoState) -> None:
    """Moto notes all that it ever made in its classes, and caches what asked for regions."""
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


def test_an_object_that_is_written_over_is_closed_at_once(simulator: MotoState) -> None:
    """A large one is a file; moto would keep it, and outside of a world it warns of one that nobody has closed."""
    from moto.s3.models import FakeKey, s3_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test"):
        backend = s3_backends[ACCOUNT]["aws"]
        backend.create_bucket("bucket", REGION)
        buffers = [backend.put_object("bucket", "key", bytes(size))._value_buffer for size in (6_000_000, 1)]
    assert [buffer.closed for buffer in buffers] == [True, False]
    with pytest.warns(ResourceWarning, match="not disposed"):
        FakeKey("key", b"value", account_id=ACCOUNT, region_name=REGION).__del__()
    vars(FakeKey)["instances_tracked"].pop().dispose()


def test_closing_a_world_closes_what_is_open_in_it(simulator: MotoState) -> None:
    """Also what is held by somebody else still."""
    from moto.s3.models import s3_backends  # noqa: PLC0415 - moto is slow to import

    with simulator.activate(TIME, "test"):
        backend = s3_backends[ACCOUNT]["aws"]
        backend.create_bucket("bucket", REGION)
        key = backend.put_object("bucket", "key", bytes(6_000_000))
    simulator.close()
    assert key._value_buffer.closed


def test_motos_own_pages_are_not_reached(simulator: MotoState) -> None:
    """/moto-api can empty every store of the process: here it is the name of a bucket."""
    page = AwsRequest(method="GET", target="/moto-api/", headers=(("host", "localhost"),))
    with simulator.activate(ACCOUNT_CREATION_TIME, "test"):
        answer = load_moto().handle(page, io.BytesIO())
    assert (answer.status, b"NoSuchBucket" in answer.body) == (404, True)
