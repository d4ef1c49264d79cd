"""Stored responses: look-ups, expiry, states and conversations."""

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
    database = Database(tmp_path / "d.sqlite")
    yield database
    database.close()


@pytest.fixture
def responses(database: Database) -> ResponseStore:
    """An empty store."""
    return ResponseStore(database)


def put(
    stored: ResponseStore,
    response: StoredResponse = RESPONSE,
    *,
    previous: str | None = None,
    waits: int = 0,
    oldest: int = 0,
) -> bool:
    """Store a response with one output item."""
    return stored.add(
        response,
        previous=previous,
        turn=f"turn of {response.id}",
        items=[f"item of {response.id}"],
        remaining_polls=waits,
        min_created_at=oldest,
    )


def put_chain(stored: ResponseStore, length: int) -> None:
    """Store `resp_1`, `resp_2`, ..., each the continuation of the one before, one per second from 101."""
    for n in range(1, length + 1):
        put(stored, replace(RESPONSE, id=f"resp_{n}", created_at=100 + n), previous=f"resp_{n - 1}" if n > 1 else None)


def count_turns(database: Database) -> list[str]:
    """Return the number of stored turns."""
    return [items for (items,) in database.rows("SELECT items FROM turns ORDER BY ordinal")]


def test_a_response_is_found_by_its_id(responses: ResponseStore) -> None:
    """Unchanged."""
    put(responses)
    assert responses.get("mine", "resp_1", min_created_at=0) == RESPONSE


def test_a_response_is_found_by_an_output_item(responses: ResponseStore) -> None:
    """Inputs may refer to items."""
    put(responses)
    assert responses.find_by_item("mine", "item of resp_1", min_created_at=0) == RESPONSE


def test_responses_of_another_project_are_not_found(responses: ResponseStore) -> None:
    """By any method."""
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


def test_old_responses_are_not_found(responses: ResponseStore) -> None:
    """Even before they are deleted."""
    put(responses)
    response = [responses.get("mine", "resp_1", min_created_at=oldest) for oldest in (100, 101)]
    assert response == [RESPONSE, None]
    assert responses.delete("mine", "resp_1", min_created_at=101) is False


def test_adding_a_response_deletes_old_ones(responses: ResponseStore) -> None:
    """With their items."""
    put(responses)
    put(responses, replace(RESPONSE, id="resp_2", created_at=200), oldest=150)
    assert [responses.find_by_item("mine", f"item of resp_{n}", min_created_at=0) is None for n in (1, 2)] == [
        True,
        False,
    ]
    assert responses.get("mine", "resp_1", min_created_at=0) is None


def test_a_running_response_ends_after_its_polls(responses: ResponseStore) -> None:
    """Each retrieve is one."""
    put(responses, RUNNING, waits=2)
    response = [responses.retrieve("mine", "resp_1", min_created_at=0) for _ in range(4)]
    assert [one and one.state for one in response] == [
        ResponseState.RUNNING,
        ResponseState.RUNNING,
        ResponseState.ENDED,
        ResponseState.ENDED,
    ]


def test_a_running_response_can_be_cancelled(responses: ResponseStore) -> None:
    """Permanently."""
    put(responses, RUNNING, waits=1)
    cancelled = responses.change_state("mine", "resp_1", ResponseState.CANCELLED, min_created_at=0)
    assert cancelled == replace(RESPONSE, state=ResponseState.CANCELLED)
    assert responses.retrieve("mine", "resp_1", min_created_at=0) == cancelled


def test_an_ended_response_cannot_be_cancelled(responses: ResponseStore) -> None:
    """It is returned unchanged."""
    put(responses)
    assert responses.change_state("mine", "resp_1", ResponseState.CANCELLED, min_created_at=0) == RESPONSE


def test_deleting_a_response_deletes_its_items(responses: ResponseStore) -> None:
    """A second deletion returns False."""
    put(responses)
    assert [responses.delete("mine", "resp_1", min_created_at=0) for _ in range(2)] == [True, False]
    assert responses.find_by_item("mine", "item of resp_1", min_created_at=0) is None


def test_a_conversation_holds_the_turns_up_to_a_response(responses: ResponseStore) -> None:
    """Oldest first, without other branches."""
    put_chain(responses, 3)
    put(responses, replace(RUNNING, id="resp_b"), previous="resp_2")
    assert [responses.get_conversation("mine", name, min_created_at=0) for name in ("resp_3", "resp_b")] == [
        StoredConversation(state=ResponseState.ENDED, turns=("turn of resp_1", "turn of resp_2", "turn of resp_3")),
        StoredConversation(state=ResponseState.RUNNING, turns=("turn of resp_1", "turn of resp_2", "turn of resp_b")),
    ]


def test_each_turn_is_stored_once(responses: ResponseStore, database: Database) -> None:
    """Several responses may continue it."""
    put_chain(responses, 3)
    assert count_turns(database) == ["turn of resp_1", "turn of resp_2", "turn of resp_3"]


def test_a_conversation_keeps_the_turns_of_deleted_responses(responses: ResponseStore) -> None:
    """While a later response continues them."""
    put_chain(responses, 3)
    before = responses.get_conversation("mine", "resp_3", min_created_at=0)
    for name in ("resp_2", "resp_1"):
        responses.delete("mine", name, min_created_at=0)
    assert responses.get_conversation("mine", "resp_3", min_created_at=0) == before


def test_a_response_cannot_continue_a_deleted_one(responses: ResponseStore, database: Database) -> None:
    """It may be deleted while the new one is generated."""
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
def test_turns_are_deleted_with_the_last_response(
    responses: ResponseStore, database: Database, order: tuple[int, ...]
) -> None:
    """In any order of deletions."""
    put_chain(responses, 3)
    for n in order:
        responses.delete("mine", f"resp_{n}", min_created_at=0)
    assert count_turns(database) == []


def test_a_conversation_keeps_the_turns_of_old_responses(responses: ResponseStore, database: Database) -> None:
    """Until its last response is deleted."""
    put_chain(responses, 3)
    put(responses, replace(RESPONSE, id="resp_x", created_at=200), oldest=103)
    assert count_turns(database) == ["turn of resp_1", "turn of resp_2", "turn of resp_3", "turn of resp_x"]
    put(responses, replace(RESPONSE, id="resp_y", created_at=201), oldest=150)
    assert count_turns(database) == ["turn of resp_x", "turn of resp_y"]


def test_the_latest_time_is_that_of_the_last_response(responses: ResponseStore, database: Database) -> None:
    """After a restart the clock continues from it."""
    put(responses)
    assert database.latest_simulated_time() == 100


def test_responses_survive_a_restart(tmp_path: Path) -> None:
    """With their remaining polls."""
    first = Database(tmp_path / "d.sqlite")
    put(ResponseStore(first), RUNNING, waits=1)
    ResponseStore(first).retrieve("mine", "resp_1", min_created_at=0)
    first.close()
    second = Database(tmp_path / "d.sqlite")
    response = ResponseStore(second).retrieve("mine", "resp_1", min_created_at=0)
    second.close()
    assert response == RESPONSE


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
def test_no_look_up_scans_a_table(database: Database, statement: str) -> None:
    """It costs the same at any size."""
    plan = " ".join(str(row[3]) for row in database.rows(f"EXPLAIN QUERY PLAN {statement}"))
    assert "SEARCH" in plan
    assert "SCAN" not in plan
