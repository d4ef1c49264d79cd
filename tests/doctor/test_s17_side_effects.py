"""S17: what a function does besides scoring, recorded by the audit hook in a real Lambda worker."""

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
from simulator.doctor.loading import load_reward_function
from simulator.doctor.probes.static.s17_side_effects import check_side_effects, side_effect_findings
from simulator.doctor.reward_function import LocalRewardFunction
from simulator.doctor.side_effects import SideEffect, with_audit_hook
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for, probe_context

ROOT = Path(__file__).parents[2]
REPORT = b'{"rft_witness":"report"}'
EVENT = json.dumps(
    [{"id": "a", "messages": [{"role": "assistant", "content": "#### 72"}], "reference_answer": {"text": "#### 72"}}]
).encode()

SCORING_SOURCE = """
def lambda_handler(event, context):
    act()
    return [{"id": one["id"], "aggregate_reward_score": len(one["messages"][-1]["content"]) % 2} for one in event]
"""

GRADING_SOURCE = """
def lambda_handler(event, context):
    act()
    return [{"id": one["id"], "aggregate_reward_score": grade(one)} for one in event]

def grade(one):
    answer = one["metadata"]["reference_answer"]["answer"]
    return float(one["messages"][-1]["content"].endswith("#### " + answer))
"""


@contextmanager
def load_local(reward: Path, **environment: str) -> Iterator[LocalRewardFunction]:
    """Load a function that runs on this machine."""
    with load_reward_function(str(reward), wall_clock=time, environment=environment) as function:
        assert isinstance(function, LocalRewardFunction)
        yield function


def write_function(folder: Path, source: str) -> Path:
    """Write a function with a single file. Return its folder."""
    folder.mkdir(exist_ok=True)
    (folder / "lambda_function.py").write_text(source)
    return folder


def side_effects_of(reward: Path, **environment: str) -> list[Any]:
    """Return the kind, phase and subject of each side effect while the function is imported and called once."""
    with load_local(reward, **environment) as function:
        hooked = replace(function, spec=with_audit_hook(function.spec))
        hooked.invoke(EVENT)
        records = json.loads(hooked.invoke(REPORT).payload)
    return [(record["kind"], record["phase"], record["subject"]) for record in records]


def run_probe(reward: Path, records: tuple[Record, ...], *, row_count: int = 4) -> list[Finding]:
    """Return the findings of S17 on a function."""
    with load_local(reward) as function:
        return list(check_side_effects(probe_context(function, records, row_count=row_count)))


@pytest.mark.slow
def test_the_projects_reward_function_only_scores(sums: tuple[Record, ...]) -> None:
    """Nothing is recorded."""
    (finding,) = run_probe(ROOT / "reward_lambda", sums)
    assert (finding.probe, finding.severity, side_effects_of(ROOT / "reward_lambda")) == ("S17", Severity.OK, [])


@pytest.mark.slow
@pytest.mark.parametrize("reward", ["reward_lambda", "fixtures/graders/raises", "fixtures/graders/nan_score"])
def test_a_hooked_function_responds_with_the_same_bytes(reward: str) -> None:
    """Errors included, except for the lines of the hook in a stack trace."""
    with load_local(ROOT / reward) as function:
        hooked = replace(function, spec=with_audit_hook(function.spec))
        invocations = [version.invoke(EVENT) for version in (function, hooked)]
    responses = [json.loads(invocation.payload) for invocation in invocations]
    for response, invocation in zip(responses, invocations, strict=True):
        if invocation.function_error:
            del response["stackTrace"], response["requestId"]
    assert str(responses[0]) == str(responses[1])  # as text, because NaN does not equal NaN
    assert invocations[0].function_error == invocations[1].function_error


def test_side_effects_are_recorded_with_their_phase(tmp_path: Path) -> None:
    """Network, programs and files, at import and while scoring. A refused connection is recorded too."""
    source = """
import os, socket, sqlite3, subprocess, sys

def act():
    try:
        socket.create_connection(("127.0.0.1", 9), timeout=1).close()
    except OSError:
        pass
    for path in ("cache.json", "/var/data/cache.json"):
        try:
            open(path, "w").close()
        except OSError as error:
            assert error.errno == (30 if path == "cache.json" else 2), error
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


@pytest.mark.slow
def test_tmp_can_be_written_and_the_package_read(tmp_path: Path) -> None:
    """By its name, by tempfile and by the variable. An operation that fails anyway is not a write."""
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


def test_reading_a_file_of_this_machine_is_recorded(tmp_path: Path) -> None:
    """It does not exist at AWS. It is not in /tmp, which a function may use."""
    with NamedTemporaryFile(dir="/var/tmp", suffix=".json") as labels:
        source = f"""
def act():
    open({labels.name!r}).close()
"""
        side_effects = side_effects_of(write_function(tmp_path / "reward", source + SCORING_SOURCE))
    assert side_effects == [("read", "scoring", labels.name)]


def test_missing_variables_that_the_functions_own_code_reads_are_recorded(tmp_path: Path) -> None:
    """Variables that are set, variables of Lambda, and those that a vendored package reads are ignored."""
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
    with load_local(reward, SET="yes") as function:
        hooked = replace(function, spec=with_audit_hook(function.spec))
        hooked.invoke(EVENT)
        side_effects = [SideEffect(**record) for record in json.loads(hooked.invoke(REPORT).payload)]
    assert [(effect.subject, effect.phase, effect.need, effect.source_line) for effect in side_effects] == [
        ("WITH_DEFAULT", "import", "optional", "lambda_function.py:7"),
        ("WANTED", "import", "without_default", "lambda_function.py:8"),
        ("REQUIRED", "import", "required", "lambda_function.py:10"),
        ("ASKED", "scoring", "optional", "lambda_function.py:16"),
    ]


@pytest.mark.slow
def test_an_aws_call_is_named_by_its_operation_and_goes_to_a_closed_port(tmp_path: Path) -> None:
    """Without a simulator, boto3 cannot reach AWS."""
    source = """
import boto3
from botocore.exceptions import EndpointConnectionError

def act():
    try:
        boto3.client("sts").get_caller_identity()
    except EndpointConnectionError:
        pass
"""
    with load_local(write_function(tmp_path / "reward", source + SCORING_SOURCE)) as function:
        hooked = replace(function, spec=with_audit_hook(function.spec))
        hooked.invoke(EVENT)
        (effect,) = (SideEffect(**record) for record in json.loads(hooked.invoke(REPORT).payload))
    assert (effect.label, effect.subject.rpartition(":")[0], effect.source_line) == (
        "AWS (sts:GetCallerIdentity)",
        "127.0.0.1",
        "lambda_function.py:7",
    )


@pytest.mark.slow
def test_a_refused_write_that_costs_the_scores_fails(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """At AWS no call would get a score."""
    source = "open('cache.json', 'w').close()\ndef act(): pass\n"
    (finding,) = run_probe(write_function(tmp_path / "reward", source + SCORING_SOURCE), sums)
    assert (finding.severity, finding.measured) == (Severity.FAIL, "/var/task/cache.json (lambda_function.py:1)")


@pytest.mark.slow
def test_a_refused_write_that_changes_no_score_is_a_warning(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """The function catches the error."""
    source = """
def act():
    try:
        open("cache.json", "w").close()
    except OSError:
        pass
"""
    (finding,) = run_probe(write_function(tmp_path / "reward", source + GRADING_SOURCE), sums)
    assert (finding.severity, finding.measured) == (Severity.WARN, "/var/task/cache.json (lambda_function.py:4)")


@pytest.mark.slow
def test_a_function_that_ends_its_environment_is_not_measured(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """The hook cannot report."""
    source = "import os\nos._exit(1)\n"
    (finding,) = run_probe(
        write_function(tmp_path / "reward", source + "def act(): pass\n" + SCORING_SOURCE), sums, row_count=1
    )
    assert finding.severity is Severity.SKIPPED


def test_a_deployed_function_is_not_measured(sums: tuple[Record, ...]) -> None:
    """Its package is not on this machine."""
    (finding,) = check_side_effects(probe_context(FakeRewardFunction(handler_for(lambda _element: 1.0)), sums))
    assert finding.severity is Severity.SKIPPED


def side_effect(kind: str, subject: str, *, phase: str = "scoring", call: str = "", need: str = "") -> SideEffect:
    """Return a side effect that happened once."""
    return SideEffect(kind=kind, phase=phase, subject=subject, call=call, source_line="reward.py:3", count=1, need=need)


@pytest.mark.parametrize(
    ("side_effects", "expected"),
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
            id="the addresses of a host name",
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
        pytest.param([side_effect("process", "node")], [(Severity.WARN, "node (reward.py:3)")], id="another program"),
        pytest.param(
            [side_effect("process", "python")], [(Severity.INFO, "python (reward.py:3)")], id="another Python"
        ),
        pytest.param(
            [side_effect("read", "/home/me/a.json")],
            [(Severity.WARN, "/home/me/a.json (reward.py:3)")],
            id="a file of this machine",
        ),
        pytest.param(
            [
                side_effect("variable", "KEY", need="required"),
                side_effect("variable", "MODEL", need="without_default"),
                side_effect("variable", "DEBUG", need="optional"),
            ],
            [(Severity.WARN, "KEY (reward.py:3), MODEL (reward.py:3)"), (Severity.INFO, "DEBUG (reward.py:3)")],
            id="variables",
        ),
    ],
)
def test_each_kind_of_side_effect_has_its_severity(
    side_effects: list[SideEffect], expected: list[tuple[Severity, str]]
) -> None:
    """The measured value names the subject."""
    assert [
        (finding.severity, finding.measured) for finding in side_effect_findings(side_effects, costs_scores=False)
    ] == expected


def test_the_fix_for_missing_variables_can_be_copied() -> None:
    """It names each of them."""
    (finding,) = side_effect_findings(
        [side_effect("variable", "KEY", need="required"), side_effect("variable", "MODEL", need="without_default")],
        costs_scores=False,
    )
    assert finding.fix == "Run the doctor with --env KEY=VALUE --env MODEL=VALUE, as the function will be deployed."


def test_the_audit_hook_is_never_imported_here() -> None:
    """Its import installs hooks and replaces os.environ, so it is only read as text for the worker's layer."""
    importing = [
        line
        for folder in ("simulator", "client", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if re.match(r"\s*(from|import)\b.*\baudit_hook\b", line)
    ]
    assert importing == []
