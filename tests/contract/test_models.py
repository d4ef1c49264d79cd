"""`/v1/models` of an account with many models. There are no pages, so only the newest are listed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.settings import ACCOUNT, Settings
from simulator.store.database import Database
from simulator.store.models import StoredModel, insert
from tests.simulators import BASE_MODEL, RunningSimulator, database_path, simulator_in_process


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[RunningSimulator]:
    """A simulator that lists two of the three models that its jobs created."""
    settings = Settings(data=tmp_path, listed_models=2)
    with simulator_in_process(settings):
        pass
    database = Database(database_path(tmp_path))
    with database.transaction() as connection:
        for n in range(3):
            created = StoredModel(
                id=f"ft:{n}",
                job="ftjob-1",
                account=ACCOUNT,
                base_model=BASE_MODEL,
                created_at=100 + n,
                weights="{}",
                checkpoint_id=f"ftckpt-{n}",
            )
            insert(connection, created, ordinal=n)
    database.close()
    with simulator_in_process(settings) as opened:
        yield opened


@pytest.mark.shows("GET /models", "listed-models")
def test_the_newest_models_are_listed(simulator: RunningSimulator) -> None:
    """The oldest of them first, after the base models. A hint says that there are more."""
    listed = simulator.http.get("/v1/models")
    assert [model["id"] for model in listed.json()["data"]][3:] == ["ft:1", "ft:2"]
    assert listed.headers["x-simulator-hint"] == (
        "only the newest 2 tuned models and checkpoints are listed: the setting listed_models"
    )


def test_an_unlisted_model_can_be_retrieved(simulator: RunningSimulator) -> None:
    """By its id."""
    assert simulator.http.get("/v1/models/ft:0").json()["id"] == "ft:0"


@pytest.mark.shows("listed-models")
def test_a_complete_list_has_no_hint(local_simulator: RunningSimulator) -> None:
    """Nothing is missing."""
    assert "x-simulator-hint" not in local_simulator.http.get("/v1/models").headers
