"""Patches moto to use the active `MotoContext`: its stores, random generator, clock and object tracking.

All patched names are private to moto; tests/contract/test_moto_patches.py checks each. Importing this module imports
moto.
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

# By moto's name of a service: a function that adds resources to a new backend, besides moto's own.
_BACKEND_INITIALIZERS: Final[dict[str, Callable[[Any], None]]] = {"iam": add_preloaded_policies}

_EVENT_BITS: Final = 60  # random bits in the id of a log event, so that ids are unique
_OWNED_BY_STATE: Final = "owned_by_state"  # marks objects that `MotoState` disposes of
_GET_ATTRIBUTE: Final = object.__getattribute__


@cache
def install_moto_patches() -> None:
    """Make moto use the active context from now on; without one it works as before."""
    _patch_stores()
    _patch_random()
    _patch_time()
    _patch_object_tracking()


class _ModuleProxy:
    """A module with some of its names replaced."""

    def __init__(self, module: ModuleType, **replacements: object) -> None:
        vars(self).update(replacements)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _replace(owner: type, name: str, replacement: object) -> None:
    setattr(owner, name, replacement)


def _patch_stores() -> None:
    """Redirect every access to one of moto's stores to the store of the active state.

    A store is a dictionary by account with methods and some attributes: all of them are redirected.
    """
    # Python looks these up in the class, and all other names by __getattribute__.
    for name in ("__contains__", "__delitem__", "__getitem__", "__iter__", "__len__", "__setitem__"):
        _patch_operator(name)

    def attribute(store: "BackendDict[Any]", name: str) -> Any:
        return _GET_ATTRIBUTE(_store_of_current_state(store), name)

    _replace(BackendDict, "__getattribute__", attribute)
    original = BackendDict._create_account_specific_backend  # noqa: SLF001 - no public method does it

    def create(store: "BackendDict[Any]", account: str) -> None:
        if current_context() is None:
            original(store, account)
            return
        # As the original, but without registering the backend with `mock_aws`, which would empty it.
        with backend_lock:
            if account not in store:
                store[account] = _make_account_backends(store, account)

    _replace(BackendDict, "_create_account_specific_backend", create)


def _patch_operator(name: str) -> None:
    original = getattr(BackendDict, name)

    def operator(store: "BackendDict[Any]", *arguments: object) -> Any:
        return original(_store_of_current_state(store), *arguments)

    _replace(BackendDict, name, operator)


def _store_of_current_state(store: "BackendDict[Any]") -> "BackendDict[Any]":
    """Return the store of the active state for one of moto's stores; without a context, the store itself."""
    context = current_context()
    if context is None:
        return store
    attributes = _GET_ATTRIBUTE(store, "__dict__")
    stores, name = context.state.stores, attributes["_id"]
    if name not in stores:
        store_of_state = type(store)(
            attributes["backend"],
            attributes["service_name"],
            attributes["_use_boto3_regions"],
            attributes["_additional_regions"],
        )
        _GET_ATTRIBUTE(store_of_state, "__dict__")["_id"] = name  # moto compares stores by it
        stores.setdefault(name, store_of_state)
    return cast("BackendDict[Any]", stores[name])


class _AccountBackends(AccountSpecificBackend[Any]):
    """A service's backends by region, for one account of a state.

    A backend is created when it is first used, so its initial contents must not depend on the time or on the request.
    """

    def __getitem__(self, region: str) -> Any:
        key = "aws" if region == "global" else region
        context = current_context()
        if key in self.keys() or context is None:
            return super().__getitem__(key)
        with (
            backend_lock,
            context.state.activate(ACCOUNT_CREATION_TIME, "backend", self.service_name, self.account_id, key),
        ):
            is_new = key not in self.keys()
            backend = super().__getitem__(key)
            if is_new and self.service_name in _BACKEND_INITIALIZERS:
                _BACKEND_INITIALIZERS[self.service_name](backend)
            return backend


def _make_account_backends(store: "BackendDict[Any]", account: str) -> _AccountBackends:
    attributes = vars(store)
    regions = _regions_of(store.service_name) if attributes["_use_boto3_regions"] else ()
    return _AccountBackends(
        store.service_name,
        account,
        store.backend,
        use_boto3_regions=False,
        additional_regions=[*regions, *(attributes["_additional_regions"] or ())],
    )


@cache
def _regions_of(service_name: str) -> tuple[str, ...]:
    # moto's own cache would keep a reference to every account, so no account's state would be freed.
    session = AccountSpecificBackend.get_session()
    return tuple(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions(service_name, partition_name=partition)
    )


def _patch_random() -> None:
    """Use the context's random generator for the draws that moto takes from its own or from the system."""

    def random(source: MotoRandom) -> float:
        context = current_context()
        return context.random.random() if context else Random.random(source)

    def getrandbits(source: MotoRandom, bits: int) -> int:
        context = current_context()
        return context.random.getrandbits(bits) if context else Random.getrandbits(source, bits)

    def urandom(size: int) -> bytes:
        context = current_context()
        return context.random.randbytes(size) if context else os.urandom(size)

    _replace(MotoRandom, "random", random)
    _replace(MotoRandom, "getrandbits", getrandbits)
    for module in (iam, s3, sts_utils):  # MFA devices, multipart uploads, session tokens
        vars(module)["os"] = _ModuleProxy(os, urandom=urandom)


class _Datetime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        """Return the simulated time of the active context."""
        context = current_context()
        if context is None:
            return datetime.now(tz)
        return context.now().astimezone(tz) if tz else context.now().replace(tzinfo=None)


def caller_utcnow() -> datetime:
    """Return the callers' time in moto's form: UTC without a time zone."""
    context = current_context()
    return context.caller_now().replace(tzinfo=None) if context else utils.utcnow()


def _patch_time() -> None:
    """Use the simulated time, except for checks of dates and sessions of callers, which use the callers' time."""
    for module in (utils, s3):
        vars(module)["datetime"] = _ModuleProxy(dt, datetime=_Datetime)

    vars(sts)["utcnow"] = caller_utcnow  # for the expiry of sessions

    # Callers date log events by their own clocks, and events that are too old or in the future are rejected.
    original_put_log_events = LogsBackend.put_log_events

    def put_log_events(backend: LogsBackend, *arguments: Any, **keywords: Any) -> Any:
        context = current_context()
        if context is None:
            return original_put_log_events(backend, *arguments, **keywords)
        with context.use_caller_time():
            return original_put_log_events(backend, *arguments, **keywords)

    _replace(LogsBackend, "put_log_events", put_log_events)

    original_wait_for_messages = Queue.wait_for_messages

    def wait_for_messages(queue: Queue, timeout: int) -> None:
        context = current_context()
        if context is None:
            original_wait_for_messages(queue, timeout)
        else:  # no message can arrive during the operation, so let the time pass at once
            context.advance(timeout)

    _replace(Queue, "wait_for_messages", wait_for_messages)


def _patch_object_tracking() -> None:
    """Keep in the state the objects that moto keeps in its classes.

    moto records every object for its dashboard, so a state would never be freed.
    """
    original_new = BaseModel.__new__

    def create(cls: type[BaseModel], *arguments: object, **keywords: object) -> Any:
        context = current_context()
        if context is None:
            return original_new(cls, *arguments, **keywords)
        instance = super(BaseModel, cls).__new__(cls)
        context.created_count += 1
        if hasattr(instance, "dispose"):
            vars(instance)[_OWNED_BY_STATE] = True
            context.state.register_disposable(instance)
        return instance

    _replace(BaseModel, "__new__", staticmethod(create))
    original_del = s3.FakeKey.__del__

    def dispose(key: s3.FakeKey) -> None:
        if _OWNED_BY_STATE in vars(key):
            key.dispose()
        else:
            original_del(key)

    _replace(s3.FakeKey, "__del__", dispose)
    original_init = LogEvent.__init__

    def initialize(event: LogEvent, *arguments: Any, **keywords: Any) -> None:
        original_init(event, *arguments, **keywords)
        if context := current_context():
            event.event_id = context.random.getrandbits(_EVENT_BITS)

    _replace(LogEvent, "__init__", initialize)
