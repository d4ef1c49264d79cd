"""What the routes work with: the rooms of one running simulator, wired by the composition root."""

from dataclasses import dataclass

from fastapi import Request

from simulator.auth import Authenticator, Caller
from simulator.clock import Clock
from simulator.ids import Ids
from simulator.inference import Inference
from simulator.jobs.engine import Engine
from simulator.settings import Settings
from simulator.store.database import Database
from simulator.store.uploads import Uploads


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The rooms, by name."""

    settings: Settings
    clock: Clock
    ids: Ids
    database: Database
    uploads: Uploads
    engine: Engine
    inference: Inference
    authenticator: Authenticator


def house_of(request: Request) -> House:
    """Return the simulator that serves this request."""
    house: House = request.app.state.house
    return house


def caller_of(request: Request) -> Caller:
    """Return who calls; a dependency of every Mantle route.

    Raises:
        BadKeyError: nobody that the service knows.
    """
    return house_of(request).authenticator.caller(request.headers)
