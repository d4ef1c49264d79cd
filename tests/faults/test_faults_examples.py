"""The page that describes scripts, and the example scripts: complete, current, and each fault really met."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from simulator.faults.entry import TAKES, ScriptedFault
from simulator.faults.fault import Tampering
from tests.faults.provoking import provoked
from tests.world import World

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "simulator" / "faults" / "SCRIPT.md").read_text(encoding="utf-8")
EXAMPLES: list[Any] = [
    json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
]
FIXTURES = sorted((ROOT / "fixtures" / "faults").glob("*.json"))


def faults(script: Any) -> list[dict[str, Any]]:
    """Return the entries of a script."""
    return script if isinstance(script, list) else [script]


def fields(entry: dict[str, Any], prefix: str = "") -> set[str]:
    """Return the dotted names of the fields that an entry has."""
    inner = [fields(value, f"{prefix}{name}.") for name, value in entry.items() if isinstance(value, dict)]
    return {f"{prefix}{name}" for name in entry}.union(*inner)


def test_the_page_says_of_every_field_what_it_takes() -> None:
    """In the words of the messages; and of no field that there is not."""
    rows = re.findall(r"^\| `([\w.]+)` \| (.+?) \| .* ?\|$", PAGE, re.MULTILINE)
    assert dict(rows) == TAKES
    assert len(rows) == len(TAKES)


def test_every_field_has_its_words() -> None:
    """None can be added without them."""
    schema = ScriptedFault.model_json_schema()
    objects: dict[str, list[str]] = {
        name: list(shape["properties"]) for name, shape in schema["$defs"].items() if "properties" in shape
    }
    known = {*schema["properties"]}
    for name, shape in schema["properties"].items():
        for found in re.findall(r"#/\$defs/(\w+)", json.dumps(shape)):
            known |= {f"{name}.{inner}" for inner in objects[found]}
    assert known == set(TAKES)


def test_the_page_shows_every_effect_and_every_way_to_name_requests() -> None:
    """In examples that are run below."""
    shown = set().union(*(fields(entry) for script in EXAMPLES for entry in faults(script)))
    assert set(TAKES) - {name for name in shown if not name.startswith("values.")} == set()


@pytest.mark.parametrize("script", EXAMPLES, ids=range(1, len(EXAMPLES) + 1))
def test_an_example_of_the_page_is_met(faulty: World, script: Any) -> None:
    """Each of its faults takes effect."""
    assert all(provoked(faulty, script))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_an_example_script_is_met_and_says_what_a_client_should_do(faulty: World, path: Path) -> None:
    """Each of its faults takes effect, and has a note."""
    script = json.loads(path.read_text(encoding="utf-8"))
    assert all(provoked(faulty, script))
    assert all(entry["note"].endswith(".") for entry in faults(script))


def test_the_example_scripts_have_every_effect() -> None:
    """Between them."""
    scripts = [json.loads(path.read_text(encoding="utf-8")) for path in FIXTURES]
    shown = set().union(*(fields(entry) for script in scripts for entry in faults(script)))
    effects = {
        "error",
        "aws_error",
        "drop",
        "delay",
        "body.cut_after",
        "tokens_per_minute.output",
        "retry_after.date_in",
    }
    assert effects | {f"stream.{name}" for name in Tampering} <= shown


def test_every_example_script_is_listed() -> None:
    """In the fixtures' own README, and nothing else is."""
    listed = re.findall(r"^\| `(\w+)\.json` \|", (ROOT / "fixtures" / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == [path.stem for path in FIXTURES]
