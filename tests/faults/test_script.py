"""Fault scripts: lists of faults, invalid JSON and files."""

from pathlib import Path
from typing import Any

import pytest

from simulator.faults.request_fault import (
    DropConnectionEffect,
    ScriptError,
    When,
)
from simulator.faults.script import load_script, parse_faults, parse_script

ALL: dict[str, Any] = {"request": {}}


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_is_parsed_in_its_order(kind: type[list[Any] | tuple[Any, ...]]) -> None:
    """A single fault is a script, too."""
    drops = kind([ALL | {"drop": "before"}, ALL | {"drop": "after"}])
    assert [fault.effect for fault in parse_faults(drops)] == [
        DropConnectionEffect(when=When.BEFORE),
        DropConnectionEffect(when=When.AFTER),
    ]


def test_the_source_of_a_fault_is_a_copy() -> None:
    """Later changes of the caller's dictionary do not affect it."""
    entry: dict[str, Any] = {"request": {"path": "/v1/models"}, "drop": "after"}
    (fault,) = parse_faults(entry)
    entry["request"]["path"] = "/v1/files"
    assert fault.source == {"request": {"path": "/v1/models"}, "drop": "after"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"request"', "line 1, column 11: not valid JSON: Expecting ':' delimiter"),
        ("", "line 1, column 1: not valid JSON: Expecting value"),
        ("[]", "a script is a fault or a list of faults, and this list is empty"),
        ('{"request": {}, "delay": 1, "delay": 2}', "not valid JSON: an object has the key 'delay' twice"),
        ('{"request": {}, "delay": Infinity}', "not valid JSON: Infinity is not a JSON number"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_invalid_json_is_refused_with_its_position(text: str, message: str) -> None:
    """If the error has one."""
    with pytest.raises(ScriptError) as exc_info:
        parse_script(text)
    assert str(exc_info.value) == message


def test_bytes_that_are_not_utf8_are_refused() -> None:
    """The message is the decoder's."""
    with pytest.raises(ScriptError, match=r"^not valid JSON: 'utf-8' codec can't decode byte 0xff"):
        parse_script(b'{"request": "\xff"}')


def test_an_error_in_a_file_names_the_file(tmp_path: Path) -> None:
    """A file that does not exist, and one that is not a script."""
    message = []
    (tmp_path / "faults.json").write_text("{}")
    for name in ("nowhere.json", "faults.json"):
        with pytest.raises(ScriptError) as exc_info:
            load_script(tmp_path / name)
        message.append(str(exc_info.value))
    assert message == [
        f"{tmp_path}/nowhere.json: No such file or directory",
        (
            f"{tmp_path}/faults.json: fault 1: "
            "it matches nothing: give 'request', which requests ({} matches all), or 'job'"
        ),
    ]
