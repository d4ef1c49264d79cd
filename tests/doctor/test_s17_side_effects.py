"""S17: what a function does besides scoring, seen by a witness in a real Lambda worker."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import time
from typing import Any

import pytest

from simulator.doctor.finding import Finding, Severity
from simulator.doctor.loading import CLOSED_PORT, load_reward_function
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.s17_side_effects import (
    SideEffect,
    check_side_effects,
    side_effect_findings,
    with_audit_hook,
)
from simulator.doctor.reward_function import LocalRewardFunction
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for, probe_context

ROOT = Path(__file__).parents[2]
CLOSED_HOST = CLOSED_PORT.removeprefix("http://")
REPORT = b'{"rft_witness":"report"}'
EVENT = json.dumps(
    [{"id": "a", "messages": [{"role": "assistant", "content": "#### 72"}], "reference_answer": {"text": "#### 72"}}]
).encode()

SCORING_SOURCE = """
def lambda_handler(event, context):
    act()
    return [{"id": one["id"], "aggregate_reward_score": len(one["messages"][-1]["content"]) % 2} for one in event]
"""


@contextmanager
def admit_local(reward: Path, **environment: str) -> Iterator[LocalRewardFunction]:
    """Admit a function that is run here."""
    with load_reward_function(str(reward), wall_clock=time, environment=environment) as patient:
        assert isinstance(patient, LocalRewardFunction)
        yield patient


def write_function(folder: Path, source: str) -> Path:
    """Write a function's one file, as a folder to admit."""
    folder.mkdir(exist_ok=True)
    (folder / "lambda_function.py").write_text(source)
    return folder


def side_effects_of(reward: Path, **environment: str) -> list[Any]:
    """Return what the witness noted while the function was imported and called once: kind, phase and what it was."""
    with admit_local(reward, **environment) as patient:
        watched = replace(patient, spec=with_audit_hook(patient.spec))
        watched.invoke(EVENT)
        taken = json.loads(watched.invoke(REPORT).payload)
    return [(note["kind"], note["phase"], note["what"]) for note in taken]


def run_probe(reward: Path, records: tuple[Record, ...], *, rows: int = 4) -> list[Finding]:
    """Return what S17 finds of a function."""
    with admit_local(reward) as patient:
        exam = ProbeContext(
            reward_function=patient,
            records=records,
            settings=Settings(),
            model="openai.gpt-oss-20b",
            hyperparameters=Hyperparameters(),
            row_count=rows,
        )
        return list(check_side_effects(exam))


def test_our_own_function_does_nothing_but_score(sums: tuple[Record, ...]) -> None:
    """It is fine, and nothing at all was noted."""
    (finding,) = run_probe(ROOT / "reward_lambda", sums)
    assert (finding.probe, finding.severity, side_effects_of(ROOT / "reward_lambda")) == ("S17", Severity.OK, [])


@pytest.mark.parametrize("reward", ["reward_lambda", "fixtures/graders/raises", "fixtures/graders/nan_score"])
def test_a_watched_function_answers_as_it_always_does(reward: str) -> None:
    """The very bytes, errors included, but for the lines of the witness in a stack trace."""
    with admit_local(ROOT / reward) as patient:
        watched = replace(patient, spec=with_audit_hook(patient.spec))
        answers = [(one.invoke(EVENT).payload, one.invoke(EVENT).function_error) for one in (patient, watched)]
    read = [(json.loads(payload), error) for payload, error in answers]
    for payload, error in read:
        if error:
            del payload["stackTrace"], payload["requestId"]
    assert str(read[0]) == str(read[1])  # as text, because NaN equals nothing


def test_what_is_done_is_noted_with_its_phase(tmp_path: Path) -> None:
    """Network, programs and files, at import and while scoring. The connection is refused, and still it is noted."""
    source = """
import os, socket, sqlite3, subprocess, sys

def act():
    for host in ("127.0.0.1",):
        try:
            socket.create_connection((host, 9), timeout=1).close()
        except OSError:
            pass
    for path in ("cache.json", "/var/data/cache.json"):
        try:
            open(path, "w").close()
        except OSError as error:
            assert error.errno == 30, error
    try:
        sqlite3.connect("scores.db")
    except sqlite3.OperationalError:
        pass

try:
    os.mkdir("made")
except OSError:
    pass
subprocess.run(["true"], check=True)
subprocess.run([sys.executable, "-S", "-c", "pass"], check=True)
os.system("true")
"""
    assert side_effects_of(write_function(tmp_path / "reward", source + SCORING_SOURCE)) == [
        ("write", "import", "/var/task/made"),
        ("process", "import", "true"),
        ("process", "import", "python"),
        ("network", "scoring", "127.0.0.1:9"),
        ("write", "scoring", "/var/task/cache.json"),
        ("write", "scoring", "/var/data/cache.json"),
        ("write", "scoring", "/var/task/scores.db"),
    ]


def test_tmp_can_be_written_and_the_package_read(tmp_path: Path) -> None:
    """As at AWS: by its name, by tempfile, and by the variable; and what is refused as such is not a write."""
    source = """
import json, os, pathlib, sqlite3, tempfile

def act():
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("x")
    folder = tempfile.mkdtemp(dir="/tmp")
    os.rename(folder, folder + "-moved")
    os.rmdir(folder + "-moved")
    sqlite3.connect(":memory:").close()
    open(os.devnull, "w").close()
    pathlib.Path("lambda_function.py").read_text()
    pathlib.Path(__file__).parent.mkdir(exist_ok=True)
    try:
        os.remove("nothing")
    except FileNotFoundError:
        pass
"""
    assert side_effects_of(write_function(tmp_path / "reward", source + SCORING_SOURCE)) == []


def test_a_file_of_this_machine_is_noted(tmp_path: Path) -> None:
    """It is read here, and is not there at AWS. A function's own /tmp is no such place, so it lies elsewhere."""
    with NamedTemporaryFile(dir="/var/tmp", suffix=".json") as labels:
        source = f"""
def act():
    open({labels.name!r}).close()
"""
        notes = side_effects_of(write_function(tmp_path / "reward", source + SCORING_SOURCE))
    assert notes == [("read", "scoring", labels.name)]


def test_variables_are_noted_that_the_functions_own_code_looks_for(tmp_path: Path) -> None:
    """Those that are set, those that are Lambda's, and those that a package beside it looks for are no matter."""
    reward = write_function(
        tmp_path / "reward",
        """
import os
import vendored

os.environ.get("SET")
os.environ.get("AWS_PROFILE")
os.environ.get("WITH_DEFAULT", "1")
os.getenv("WANTED")
try:
    os.environ["REQUIRED"]
except KeyError:
    pass
os.environ.setdefault("PUT", "1")

def act():
    "ASKED" in os.environ
"""
        + SCORING_SOURCE,
    )
    (reward / "vendored").mkdir()
    (reward / "vendored" / "__init__.py").write_text('import os\nos.environ.get("VENDORED")\n')
    (reward / "vendored-1.0.dist-info").mkdir()
    (reward / "vendored-1.0.dist-info" / "RECORD").write_text("vendored/__init__.py,,\n")
    with admit_local(reward, SET="yes") as patient:
        watched = replace(patient, spec=with_audit_hook(patient.spec))
        watched.invoke(EVENT)
        taken = [SideEffect(**note) for note in json.loads(watched.invoke(REPORT).payload)]
    assert [(note.what, note.phase, note.need, note.place) for note in taken] == [
        ("WITH_DEFAULT", "import", "optional", "lambda_function.py:7"),
        ("WANTED", "import", "wanted", "lambda_function.py:8"),
        ("REQUIRED", "import", "required", "lambda_function.py:10"),
        ("ASKED", "scoring", "optional", "lambda_function.py:16"),
    ]


def test_a_call_of_aws_is_named_by_its_operation_and_leaves_this_machine_nowhere(tmp_path: Path) -> None:
    """Without a simulator boto3 is sent to a port where nothing listens."""
    source = """
import boto3
from botocore.exceptions import EndpointConnectionError

def act():
    try:
        boto3.client("sts").get_caller_identity()
    except EndpointConnectionError:
        pass
"""
    with admit_local(write_function(tmp_path / "reward", source + SCORING_SOURCE)) as patient:
        watched = replace(patient, spec=with_audit_hook(patient.spec))
        watched.invoke(EVENT)
        (note,) = (SideEffect(**note) for note in json.loads(watched.invoke(REPORT).payload))
    assert (note.label, note.what, note.place) == ("AWS (sts:GetCallerIdentity)", CLOSED_HOST, "lambda_function.py:7")


def test_a_write_that_costs_the_scores_fails(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """Here it could be written; at AWS no call would have a score."""
    source = "open('cache.json', 'w').close()\ndef act(): pass\n"
    (finding,) = run_probe(write_function(tmp_path / "reward", source + SCORING_SOURCE), sums)
    assert (finding.severity, finding.measured) == (Severity.FAIL, "/var/task/cache.json (lambda_function.py:1)")


def test_a_write_that_the_function_gets_over_is_a_warning(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """It scores as before when the write is refused."""
    source = """
def act():
    try:
        open("cache.json", "w").close()
    except OSError:
        pass
"""
    (finding,) = run_probe(write_function(tmp_path / "reward", source + SCORING_SOURCE), sums)
    assert (finding.severity, finding.measured) == (Severity.WARN, "/var/task/cache.json (lambda_function.py:4)")


def test_a_function_that_ends_its_environment_gives_no_report(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """It is not measured, and not fine."""
    source = "import os\nos._exit(1)\n"
    (finding,) = run_probe(
        write_function(tmp_path / "reward", source + "def act(): pass\n" + SCORING_SOURCE), sums, rows=1
    )
    assert finding.severity is Severity.SKIPPED


def test_a_function_that_is_deployed_elsewhere_is_not_measured(sums: tuple[Record, ...]) -> None:
    """Its package is not at hand."""
    (finding,) = check_side_effects(probe_context(FakeRewardFunction(handler_for(lambda _element: 1.0)), sums))
    assert finding.severity is Severity.SKIPPED


def side_effect(kind: str, what: str, *, phase: str = "scoring", call: str = "", need: str = "") -> SideEffect:
    """Return a note of something that was done once."""
    return SideEffect(kind=kind, phase=phase, what=what, call=call, place="reward.py:3", count=1, need=need)


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        pytest.param(
            [side_effect("network", "judge.example:443")],
            [(Severity.WARN, "judge.example:443 (reward.py:3)")],
            id="network",
        ),
        pytest.param(
            [
                side_effect("network", "judge.example:443"),
                side_effect("network", "192.0.2.7:443"),
                side_effect("network", "2001:db8::7:443"),
            ],
            [(Severity.WARN, "judge.example:443 (reward.py:3)")],
            id="the addresses of a name that was looked up",
        ),
        pytest.param(
            [side_effect("network", "192.0.2.7:80", phase="import")],
            [(Severity.INFO, "192.0.2.7:80 (reward.py:3)")],
            id="network at import",
        ),
        pytest.param(
            [side_effect("network", "127.0.0.1:9", call="bedrock-runtime:Converse")],
            [(Severity.WARN, "AWS (bedrock-runtime:Converse) (reward.py:3)")],
            id="AWS",
        ),
        pytest.param([side_effect("process", "node")], [(Severity.WARN, "node (reward.py:3)")], id="a foreign program"),
        pytest.param(
            [side_effect("process", "python")], [(Severity.INFO, "python (reward.py:3)")], id="another Python"
        ),
        pytest.param(
            [side_effect("read", "/home/me/a.json")],
            [(Severity.WARN, "/home/me/a.json (reward.py:3)")],
            id="a file of mine",
        ),
        pytest.param(
            [
                side_effect("variable", "KEY", need="required"),
                side_effect("variable", "MODEL", need="wanted"),
                side_effect("variable", "DEBUG", need="optional"),
            ],
            [(Severity.WARN, "KEY (reward.py:3), MODEL (reward.py:3)"), (Severity.INFO, "DEBUG (reward.py:3)")],
            id="variables",
        ),
    ],
)
def test_what_was_seen_is_judged(notes: list[SideEffect], expected: list[tuple[Severity, str]]) -> None:
    """The severity, and what was measured."""
    assert [
        (finding.severity, finding.measured) for finding in side_effect_findings(notes, scores_changed=False)
    ] == expected


def test_the_fix_for_missing_variables_can_be_copied() -> None:
    """It names each of them."""
    (finding,) = side_effect_findings(
        [side_effect("variable", "KEY", need="required"), side_effect("variable", "MODEL", need="wanted")],
        scores_changed=False,
    )
    assert finding.fix == "Examine it with --env KEY=VALUE --env MODEL=VALUE, as it will be deployed."


def test_the_witness_is_never_imported_here() -> None:
    """Its import puts hooks into the process and changes os.environ: it is read as text, and lives in the worker."""
    importing = [
        line
        for room in ("simulator", "client", "tests")
        for path in (ROOT / room).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if re.match(r"\s*(from|import)\b.*\baudit_hook\b", line)
    ]
    assert importing == []
