"""Stored responses: by project, as long as they are kept, on their way to an end, and in their conversations."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.store.database import Database
from simulator.store.responses import ResponseState, ResponseStore, StoredConversation, StoredResponse

RESPONSE = StoredResponse(id="resp_1", project="mine", created_at=100, state=ResponseState.ENDED, body='{"n":1}')
RUNNING = replace(RESPONSE, state=ResponseState.RUNNING)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    opened = Database(tmp_path / "d.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def responses(database: Database) -> ResponseStore:
    """Its responses."""
    return ResponseStore(database)


def put(
    kept: ResponseStore,
    response: StoredResponse = RESPONSE,
    *,
    previous: str | None = None,
    waits: int = 0,
    oldest: int = 0,
) -> bool:
    """Keep a response with one item of output."""
    return kept.add(
        response,
        previous=previous,
        turn=f"turn of {response.id}",
        items=[f"item of {response.id}"],
        remaining_polls=waits,
        min_created_at=oldest,
    )


def put_chain(kept: ResponseStore, length: int) -> None:
    """Keep responses `resp_1`, `resp_2`, ..., each of which goes on with the one before; one a second, from 101."""
    for n in range(1, length + 1):
        put(kept, replace(RESPONSE, id=f"resp_{n}", created_at=100 + n), previous=f"resp_{n - 1}" if n > 1 else None)


def count_turns(database: Database) -> list[str]:
    """Return all turns that are kept."""
    return [items for (items,) in database.rows("SELECT items FROM turns ORDER BY ordinal")]


def test_a_response_is_found_by_its_id(responses: ResponseStore) -> None:
    """Whole."""
    put(responses)
    assert responses.get("mine", "resp_1", min_created_at=0) == RESPONSE


def test_a_response_is_found_by_an_item_of_its_output(responses: ResponseStore) -> None:
    """For inputs that name items."""
    put(responses)
    assert responses.find_by_item("mine", "item of resp_1", min_created_at=0) == RESPONSE


def test_what_another_project_keeps_is_not_there(responses: ResponseStore) -> None:
    """For any way of asking."""
    put(responses, RUNNING)
    assert [
        responses.get("yours", "resp_1", min_created_at=0),
        responses.get_state("yours", "resp_1", min_created_at=0),
        responses.get_conversation("yours", "resp_1", min_created_at=0),
        responses.find_by_item("yours", "item of resp_1", min_created_at=0),
        responses.retrieve("yours", "resp_1", min_created_at=0),
        responses.change_state("yours", "resp_1", ResponseState.CANCELLED, min_created_at=0),
        responses.delete("yours", "resp_1", min_created_at=0),
    ] == [None, None, None, None, None, None, False]
    assert responses.get("mine", "resp_1", min_created_at=0) == RUNNING


def test_what_is_too_old_is_not_there(responses: ResponseStore) -> None:
    """Though nothing was made since."""
    put(responses)
    found = [responses.get("mine", "resp_1", min_created_at=oldest) for oldest in (100, 101)]
    assert found == [RESPONSE, None]
    assert responses.delete("mine", "resp_1", min_created_at=101) is False


def test_what_is_too_old_goes_when_another_comes(responses: ResponseStore) -> None:
    """Its items too."""
    put(responses)
    put(responses, replace(RESPONSE, id="resp_2", created_at=200), oldest=150)
    assert [responses.find_by_item("mine", f"item of resp_{n}", min_created_at=0) is None for n in (1, 2)] == [
        True,
        False,
    ]
    assert responses.get("mine", "resp_1", min_created_at=0) is None


def test_a_running_response_ends_after_its_waits(responses: ResponseStore) -> None:
    """Each retrieve is one; then it stays at its end."""
    put(responses, RUNNING, waits=2)
    found = [responses.retrieve("mine", "resp_1", min_created_at=0) for _ in range(4)]
    assert [one and one.state for one in found] == [
        ResponseState.RUNNING,
        ResponseState.RUNNING,
        ResponseState.ENDED,
        ResponseState.ENDED,
    ]


def test_a_running_response_can_be_cancelled(responses: ResponseStore) -> None:
    """And stays so."""
    put(responses, RUNNING, waits=1)
    cancelled = responses.change_state("mine", "resp_1", ResponseState.CANCELLED, min_created_at=0)
    assert cancelled == replace(RESPONSE, state=ResponseState.CANCELLED)
    assert responses.retrieve("mine", "resp_1", min_created_at=0) == cancelled


def test_an_ended_response_cannot_be_cancelled(responses: ResponseStore) -> None:
    """It is given as it is."""
    put(responses)
    assert responses.change_state("mine", "resp_1", ResponseState.CANCELLED, min_created_at=0) == RESPONSE


def test_a_deleted_response_is_gone_with_its_items(responses: ResponseStore) -> None:
    """A second time there is nothing to delete."""
    put(responses)
    assert [responses.delete("mine", "resp_1", min_created_at=0) for _ in range(2)] == [True, False]
    assert responses.find_by_item("mine", "item of resp_1", min_created_at=0) is None


def test_a_conversation_is_all_that_was_said_up_to_a_response(responses: ResponseStore) -> None:
    """The oldest turn first, and no other branch's."""
    put_chain(responses, 3)
    put(responses, replace(RUNNING, id="resp_b"), previous="resp_2")
    assert [responses.get_conversation("mine", name, min_created_at=0) for name in ("resp_3", "resp_b")] == [
        StoredConversation(state=ResponseState.ENDED, turns=("turn of resp_1", "turn of resp_2", "turn of resp_3")),
        StoredConversation(state=ResponseState.RUNNING, turns=("turn of resp_1", "turn of resp_2", "turn of resp_b")),
    ]


def test_each_turn_is_kept_once(responses: ResponseStore, database: Database) -> None:
    """However many responses go on from it."""
    put_chain(responses, 3)
    assert count_turns(database) == ["turn of resp_1", "turn of resp_2", "turn of resp_3"]


def test_a_conversation_outlives_its_deleted_beginning(responses: ResponseStore) -> None:
    """What a response went on from is a part of it."""
    put_chain(responses, 3)
    before = responses.get_conversation("mine", "resp_3", min_created_at=0)
    for name in ("resp_2", "resp_1"):
        responses.delete("mine", name, min_created_at=0)
    assert responses.get_conversation("mine", "resp_3", min_created_at=0) == before


def test_nothing_goes_on_from_what_is_gone(responses: ResponseStore, database: Database) -> None:
    """It was there when the answer was begun, perhaps."""
    assert [
        put(responses, previous="resp_0"),
        count_turns(database),
        responses.get("mine", "resp_1", min_created_at=0),
    ] == [
        False,
        [],
        None,
    ]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_a_conversation_goes_with_its_last_response(
    responses: ResponseStore, database: Database, order: tuple[int, ...]
) -> None:
    """In whatever order they are deleted."""
    put_chain(responses, 3)
    for n in order:
        responses.delete("mine", f"resp_{n}", min_created_at=0)
    assert count_turns(database) == []


def test_a_conversation_outlives_a_beginning_that_is_too_old(responses: ResponseStore, database: Database) -> None:
    """And goes when all of it is."""
    put_chain(responses, 3)
    put(responses, replace(RESPONSE, id="resp_x", created_at=200), oldest=103)
    assert count_turns(database) == ["turn of resp_1", "turn of resp_2", "turn of resp_3", "turn of resp_x"]
    put(responses, replace(RESPONSE, id="resp_y", created_at=201), oldest=150)
    assert count_turns(database) == ["turn of resp_x", "turn of resp_y"]


def test_the_clock_does_not_start_before_the_last_response(responses: ResponseStore, database: Database) -> None:
    """After a restart it goes on from there."""
    put(responses)
    assert database.latest_simulated_time() == 100


def test_what_is_kept_outlives_a_restart(tmp_path: Path) -> None:
    """With how far it has come."""
    first = Database(tmp_path / "d.sqlite")
    put(ResponseStore(first), RUNNING, waits=1)
    ResponseStore(first).retrieve("mine", "resp_1", min_created_at=0)
    first.close()
    second = Database(tmp_path / "d.sqlite")
    found = ResponseStore(second).retrieve("mine", "resp_1", min_created_at=0)
    second.close()
    assert found == RESPONSE


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM responses WHERE id = 'r' AND project = 'p' AND created_at >= 1",
        "SELECT id FROM responses WHERE created_at < 1",
        "SELECT ordinal FROM turns WHERE previous = 1",
        "SELECT response FROM response_items WHERE id = 'i'",
        "DELETE FROM response_items WHERE response = 'r'",
    ],
)
def test_no_look_up_reads_the_whole_table(database: Database, statement: str) -> None:
    """However much is kept."""
    plan = " ".join(str(row[3]) for row in database.rows(f"EXPLAIN QUERY PLAN {statement}"))
    assert "SEARCH" in plan
    assert "SCAN" not in plan
