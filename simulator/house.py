"""What the routes work with: the rooms of one running simulator, wired by the composition root."""

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.clock import Clock
from simulator.gate import Gate
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
    gate: Gate
    completions: Iterator[str]  # what tells one chat completion from all others
