"""The seams at which moto is made to go by the turn that is taken: its stores, its chance, its time, what it tracks.

Each is private to moto, and a claim in tests/contract/test_moto_patches.py. Importing this imports moto.
"""

import datetime as dt
import os
from collections.abc import Callable
from datetime import datetime, tzinfo
from functools import cache
from random import Random
from types import ModuleType
from typing import Any, Final, cast

from moto.core import utils
from moto.core.base_backend import AccountSpecificBackend, BackendDict, backend_lock
from moto.core.common_models import BaseModel
from moto.iam import models as iam
from moto.logs.models import LogEvent, LogsBackend
from moto.moto_api._internal.moto_random import MotoRandom
from moto.s3 import models as s3
from moto.sqs.models import Queue
from moto.sts import models as sts
from moto.sts import utils as sts_utils

from simulator.aws.managed_policies import add_preloaded_policies
from simulator.aws.moto_state import ACCOUNT_CREATION_TIME, current_context

# What a simulated account comes with beyond what moto gives it, by moto's name for the service.
_FURNISHING: Final[dict[str, Callable[[Any], None]]] = {"iam": add_preloaded_policies}

_EVENT_BITS: Final = 60  # of an event's id, so that no two are alike
_OF_A_WORLD: Final = "of_a_world"  # on what needs nobody to dispose of it
_ATTRIBUTES: Final = object.__getattribute__


@cache
def install_moto_patches() -> None:
    """Have moto go by the turn that is taken, from here on; while none is taken it works as it always did."""
    _route_stores()
    _route_chance()
    _route_time()
    _route_tracking()


class _ModuleProxy:
    """A module as another one sees it, with some names of ours."""

    def __init__(self, module: ModuleType, **ours: object) -> None:
        vars(self).update(ours)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _replace(owner: type, name: str, ours: object) -> None:
    setattr(owner, name, ours)


def _route_stores() -> None:
    """Let each of moto's stores stand for that of the turn's world.

    A store is a dictionary by account, with methods and some attributes: all of it is looked up in the world's own.
    """
    # Python looks these up in the class, and everything else by __getattribute__.
    for name in ("__contains__", "__delitem__", "__getitem__", "__iter__", "__len__", "__setitem__"):
        _route_operator(name)

    def attribute(store: "BackendDict[Any]", name: str) -> Any:
        return _ATTRIBUTES(_standing_for(store), name)

    _replace(BackendDict, "__getattribute__", attribute)
    theirs = BackendDict._create_account_specific_backend  # noqa: SLF001  the seam

    def create(store: "BackendDict[Any]", account: str) -> None:
        if current_context() is None:
            theirs(store, account)
            return
        # As theirs, but not noted among those that `mock_aws` empties.
        with backend_lock:
            if account not in store:
                store[account] = _account(store, account)

    _replace(BackendDict, "_create_account_specific_backend", create)


def _route_operator(name: str) -> None:
    theirs = getattr(BackendDict, name)

    def operator(store: "BackendDict[Any]", *arguments: object) -> Any:
        return theirs(_standing_for(store), *arguments)

    _replace(BackendDict, name, operator)


def _standing_for(store: "BackendDict[Any]") -> "BackendDict[Any]":
    """Return the store of the turn's world that stands for one of moto's, or for itself."""
    turn = current_context()
    if turn is None:
        return store
    made_of = _ATTRIBUTES(store, "__dict__")
    stores, name = turn.state.stores, made_of["_id"]
    if name not in stores:
        standing = type(store)(
            made_of["backend"], made_of["service_name"], made_of["_use_boto3_regions"], made_of["_additional_regions"]
        )
        _ATTRIBUTES(standing, "__dict__")["_id"] = name  # by which stores are equal
        stores.setdefault(name, standing)
    return cast("BackendDict[Any]", stores[name])


class _AccountBackends(AccountSpecificBackend[Any]):
    """A service's backends by region, for one account of a world.

    Each is made when it is first looked at, so what comes with it must not depend on when that is, nor on who looks.
    """

    def __getitem__(self, region: str) -> Any:
        named = "aws" if region == "global" else region
        turn = current_context()
        if named in self.keys() or turn is None:
            return super().__getitem__(named)
        with (
            backend_lock,
            turn.state.activate(ACCOUNT_CREATION_TIME, "backend", self.service_name, self.account_id, named),
        ):
            new = named not in self.keys()
            backend = super().__getitem__(named)
            if new and self.service_name in _FURNISHING:
                _FURNISHING[self.service_name](backend)
            return backend


def _account(store: "BackendDict[Any]", account: str) -> _AccountBackends:
    made_of = vars(store)
    regions = _regions_of(store.service_name) if made_of["_use_boto3_regions"] else ()
    return _AccountBackends(
        store.service_name,
        account,
        store.backend,
        use_boto3_regions=False,
        additional_regions=[*regions, *(made_of["_additional_regions"] or ())],
    )


@cache
def _regions_of(service_name: str) -> tuple[str, ...]:
    # moto's own cache would keep each account that ever asked, and with it its world.
    session = AccountSpecificBackend.get_session()
    return tuple(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions(service_name, partition_name=partition)
    )


def _route_chance() -> None:
    """Draw from the turn's own source what moto draws from its one source, or from the system's."""

    def random(source: MotoRandom) -> float:
        turn = current_context()
        return turn.random.random() if turn else Random.random(source)

    def getrandbits(source: MotoRandom, bits: int) -> int:
        turn = current_context()
        return turn.random.getrandbits(bits) if turn else Random.getrandbits(source, bits)

    def urandom(size: int) -> bytes:
        turn = current_context()
        return turn.random.randbytes(size) if turn else os.urandom(size)

    _replace(MotoRandom, "random", random)
    _replace(MotoRandom, "getrandbits", getrandbits)
    for module in (iam, s3, sts_utils):  # of an MFA device's picture, of uploads in parts, of session tokens
        vars(module)["os"] = _ModuleProxy(os, urandom=urandom)


class _Datetime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        """Return the turn's time."""
        turn = current_context()
        if turn is None:
            return datetime.now(tz)
        return turn.now().astimezone(tz) if tz else turn.now().replace(tzinfo=None)


def caller_utcnow() -> datetime:
    """Return the callers' time as moto has times: in UTC and without a zone."""
    turn = current_context()
    return turn.caller_now().replace(tzinfo=None) if turn else utils.utcnow()


def _route_time() -> None:
    """Tell the simulator's time, and the callers' where something is judged by it."""
    for module in (utils, s3):
        vars(module)["datetime"] = _ModuleProxy(dt, datetime=_Datetime)

    vars(sts)["utcnow"] = caller_utcnow  # the end of a session

    # Callers date their events by their own clocks, and those are refused that are too old or of the future.
    accept = LogsBackend.put_log_events

    def put_log_events(backend: LogsBackend, *arguments: Any, **named: Any) -> Any:
        turn = current_context()
        if turn is None:
            return accept(backend, *arguments, **named)
        with turn.use_caller_time():
            return accept(backend, *arguments, **named)

    _replace(LogsBackend, "put_log_events", put_log_events)

    waited = Queue.wait_for_messages

    def wait_for_messages(queue: Queue, timeout: int) -> None:
        turn = current_context()
        if turn is None:
            waited(queue, timeout)
        else:  # nothing can arrive in this turn, and nothing should wait for its end
            turn.advance(timeout)

    _replace(Queue, "wait_for_messages", wait_for_messages)


def _route_tracking() -> None:
    """Keep in the world what moto keeps in its classes.

    moto notes each object that it ever made, for its dashboard: a world would never be freed.
    """
    theirs = BaseModel.__new__

    def new(cls: type[BaseModel], *arguments: object, **named: object) -> Any:
        turn = current_context()
        if turn is None:
            return theirs(cls, *arguments, **named)
        made = super(BaseModel, cls).__new__(cls)
        turn.created_count += 1
        if hasattr(made, "dispose"):
            vars(made)[_OF_A_WORLD] = True
            turn.state.register_disposable(made)
        return made

    _replace(BaseModel, "__new__", staticmethod(new))
    warn = s3.FakeKey.__del__

    def dispose(key: s3.FakeKey) -> None:
        if _OF_A_WORLD in vars(key):
            key.dispose()
        else:
            warn(key)

    _replace(s3.FakeKey, "__del__", dispose)
    begin = LogEvent.__init__

    def name(event: LogEvent, *arguments: Any, **named: Any) -> None:
        begin(event, *arguments, **named)
        if turn := current_context():
            event.event_id = turn.random.getrandbits(_EVENT_BITS)

    _replace(LogEvent, "__init__", name)
