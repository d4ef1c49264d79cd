"""The page on fault scripts and the scripts in fixtures/: complete, and each fault can be applied."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from simulator.faults import script_page
from simulator.faults.job_fault_schema import JOB_FIELD_DESCRIPTIONS, ScriptedJobFault
from simulator.faults.request_fault import StreamFaultKind
from simulator.faults.request_fault_schema import FIELD_DESCRIPTIONS, ScriptedFault
from simulator.faults.script import parse_faults
from tests.faults.fault_trigger import trigger_faults
from tests.simulators import RunningSimulator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
EXAMPLES: list[Any] = [
    json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
]
FIXTURES = sorted((ROOT / "fixtures" / "faults").glob("*.json"))
SHAPES = {ScriptedFault: FIELD_DESCRIPTIONS, ScriptedJobFault: JOB_FIELD_DESCRIPTIONS}


def is_of_jobs(script: Any) -> bool:
    """Return whether a script has job faults, which `test_job_fault.py` tests."""
    return "job" in faults(script)[0]


def read(path: Path) -> Any:
    """Return the script of a file."""
    return json.loads(path.read_text(encoding="utf-8"))


def faults(script: Any) -> list[dict[str, Any]]:
    """Return the faults of a script."""
    return script if isinstance(script, list) else [script]


def fields(entry: dict[str, Any], prefix: str = "") -> set[str]:
    """Return the dotted names of a fault's fields."""
    inner = [fields(value, f"{prefix}{name}.") for name, value in entry.items() if isinstance(value, dict)]
    return {f"{prefix}{name}" for name in entry}.union(*inner)


def test_the_page_describes_every_field_in_the_words_of_the_messages() -> None:
    """And no other field."""
    of_requests, of_jobs = PAGE.split("## Job faults")
    for part, takes in ((of_requests, FIELD_DESCRIPTIONS), (of_jobs, JOB_FIELD_DESCRIPTIONS)):
        rows = re.findall(r"^\| `([\w.]+)` \| (.+?) \| .* ?\|$", part, re.MULTILINE)
        assert dict(rows) == {name: words for name, words in takes.items() if part == of_requests or name != "note"}
        assert len(rows) == len(dict(rows))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_field_of_the_schema_has_a_description(shape: type[ScriptedFault | ScriptedJobFault]) -> None:
    """A new field needs one."""
    schema = shape.model_json_schema()
    objects: dict[str, list[str]] = {
        name: list(inner["properties"]) for name, inner in schema["$defs"].items() if "properties" in inner
    }
    fields_of_schema = {*schema["properties"]}
    for name, inner in schema["properties"].items():
        for definition in re.findall(r"#/\$defs/(\w+)", json.dumps(inner)):
            fields_of_schema |= {f"{name}.{part}" for part in objects[definition]}
    assert fields_of_schema == set(SHAPES[shape])


def test_the_examples_of_the_page_use_every_field() -> None:
    """The examples run in the tests below."""
    used_fields = set().union(*(fields(entry) for script in EXAMPLES for entry in faults(script)))
    assert set(FIELD_DESCRIPTIONS | JOB_FIELD_DESCRIPTIONS) - used_fields == set()


@pytest.mark.parametrize("script", [script for script in EXAMPLES if not is_of_jobs(script)])
def test_an_example_of_the_page_is_applied(faulty_simulator: RunningSimulator, script: Any) -> None:
    """Each of its faults."""
    assert all(trigger_faults(faulty_simulator, script))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_fixture_is_valid_and_has_notes(path: Path) -> None:
    """The note says what a client should do."""
    script = read(path)
    assert len(parse_faults(script)) == len(faults(script))
    assert all(entry["note"].endswith(".") for entry in faults(script))


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in FIXTURES if not is_of_jobs(read(path))], ids=lambda path: path.stem)
def test_a_fixture_is_applied(faulty_simulator: RunningSimulator, path: Path) -> None:
    """Each of its faults."""
    assert all(trigger_faults(faulty_simulator, read(path)))


def test_the_fixtures_use_every_effect() -> None:
    """All scripts together."""
    used_fields = set().union(*(fields(entry) for path in FIXTURES for entry in faults(read(path))))
    effects = {
        "error",
        "aws_error",
        "drop",
        "delay",
        "body.cut_after",
        "tokens_per_minute.output",
        "retry_after.date_in",
        "fail",
        "cancel",
        "queue",
        "aws",
    }
    assert effects | {f"stream.{name}" for name in StreamFaultKind} <= used_fields


def test_the_readme_of_the_fixtures_lists_every_script() -> None:
    """And no other."""
    listed = re.findall(r"^\| `(\w+)\.json` \|", (ROOT / "fixtures" / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == [path.stem for path in FIXTURES]


def test_the_wheel_has_a_copy_of_the_page_where_an_installed_simulator_looks_for_it() -> None:
    """A wheel has no `docs/`, so pyproject.toml includes the page in the package."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        included = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included["docs/faults.md"] == script_page._IN_WHEEL.relative_to(ROOT).as_posix()
    assert script_page.script_page_path() == ROOT / "docs" / "faults.md"
