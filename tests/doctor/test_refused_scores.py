"""What the environment refuses explains the findings: the doctor names the line of code instead of the reward."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time
from zipfile import ZipFile, ZipInfo

import pytest

from simulator.cli.report_files import ReportFiles, write_reports
from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.executors import create_executor
from simulator.doctor.finding import Severity
from simulator.doctor.invocation import Case
from simulator.doctor.isolation_reason import ALLOW_NAMESPACES
from simulator.doctor.loading import load_reward_function
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probe_runner import run_probes
from simulator.doctor.probes.registry import STATIC_PROBES
from simulator.doctor.report.junit_report import render_junit
from simulator.settings import LambdaIsolation
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import probe_context

pytestmark = pytest.mark.slow  # several environments are started in each

HANDLER = """
def lambda_handler(event, context):
    return [{"id": one["id"], "aggregate_reward_score": score(one)} for one in event]

def grade(one):
    answer = one["metadata"]["reference_answer"]["answer"]
    return float(one["messages"][-1]["content"].endswith("#### " + answer))
"""

CHOSEN = tuple(entry for entry in STATIC_PROBES if entry[0].id in {"S1", "S3", "S5", "S17"})


@contextmanager
def loaded(
    folder: Path, source: str, isolation: LambdaIsolation, records: tuple[Record, ...]
) -> Iterator[ProbeContext]:
    """Load a function from the part of its source that has `score`, with a file `units.json` beside it."""
    (folder / "lambda_function.py").write_text(source + HANDLER)
    (folder / "units.json").write_text("{}")
    with load_reward_function(str(folder), wall_clock=time, isolation=isolation) as function:
        yield probe_context(function, records, row_count=4)


def diagnose(
    folder: Path,
    source: str,
    records: tuple[Record, ...],
    *,
    isolation: LambdaIsolation = LambdaIsolation.NAMESPACES,
) -> DoctorReport:
    """Run S1, S3, S5 and S17 on a function."""
    with loaded(folder, source, isolation, records) as context:
        return run_probes(context, data_name="train.jsonl", data_sha256="00", static_probes=CHOSEN)


def caught(statement: str) -> str:
    """Return a function that scores 0.0 when a statement raises."""
    return f"""
import multiprocessing, multiprocessing.shared_memory, os, subprocess, urllib.request

def score(one):
    try:
        {statement}
    except Exception:
        return 0.0
    return grade(one)
"""


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("multiprocessing.Queue()", "uses Queue, and Lambda has no shared memory"),
        ("multiprocessing.Pool(1)", "uses Pool, and Lambda has no shared memory"),
        (
            "multiprocessing.shared_memory.SharedMemory(create=True, size=8)",
            "uses SharedMemory, and Lambda has no shared memory",
        ),
        ("open('/dev/shm/x', 'w')", "uses /dev/shm/x, and Lambda has no shared memory"),
        ("os.makedirs('out')", "writes /var/task/out, and only /tmp can be written on Lambda"),
        (
            "os.makedirs(os.path.expanduser('~/.cache'))",
            "writes /home/sbx_user1051, and the home folder is read-only on Lambda",
        ),
        (
            "open(os.path.expanduser('~/.aws/credentials'))",
            "opens /home/sbx_user1051/.aws/credentials, which is not in the package and not on Lambda",
        ),
        ("subprocess.run(['no-such-program'])", "starts no-such-program, and there is no such program"),
        (
            "urllib.request.urlopen('http://127.0.0.1:9')",
            "connects to 127.0.0.1:9, and gets Errno 111: Connection refused",
        ),
    ],
)
def test_scores_after_a_refusal_are_not_measured(
    sums: tuple[Record, ...], tmp_path: Path, statement: str, cause: str
) -> None:
    """The function catches the error and scores 0.0, so the rewards are not condemned as constant."""
    report = diagnose(tmp_path, caught(statement), sums)
    reason = (
        f"The scores may be what the function returns after an error. A possible cause: lambda_function.py:6 {cause}."
    )
    assert [(finding.probe, finding.severity) for finding in report.findings] == [
        ("S1", Severity.OK),
        ("S3", Severity.SKIPPED),
        ("S5", Severity.SKIPPED),
        ("S17", Severity.FAIL),
    ]
    assert {finding.message for finding in report.findings if finding.severity is Severity.SKIPPED} == {reason}


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("open('cache.json', 'w')", "writes /var/task/cache.json, and only /tmp can be written on Lambda"),
        ("logging.FileHandler('grader.log')", "writes /var/task/grader.log, and only /tmp can be written on Lambda"),
        ("sqlite3.connect('scores.db')", "writes /var/task/scores.db, and only /tmp can be written on Lambda"),
        (
            "Path.home().mkdir()",
            "writes /home/sbx_user1051, and the home folder is read-only on Lambda",
        ),
        ("multiprocessing.Lock()", "uses Lock, and Lambda has no shared memory"),
    ],
)
def test_an_import_that_is_refused_is_named_with_its_line(
    sums: tuple[Record, ...], tmp_path: Path, statement: str, cause: str
) -> None:
    """S1 says the cause and the way out, and S17 lists it."""
    source = (
        "import logging, multiprocessing, sqlite3\n"
        f"from pathlib import Path\n{statement}\ndef score(one): return grade(one)\n"
    )
    report = diagnose(tmp_path, source, sums)
    contract = report.findings[0]
    assert contract.message == f"The function fails on ordinary rollouts. The cause: lambda_function.py:3 {cause}."
    assert [(finding.probe, finding.severity) for finding in report.findings] == [
        ("S1", Severity.FAIL),
        ("S3", Severity.SKIPPED),
        ("S5", Severity.SKIPPED),
        ("S17", Severity.FAIL),
    ]
    assert contract.fix == report.findings[3].fix != ""


def test_a_refusal_in_a_forked_child_is_recorded(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """A child process bounds the grading, and its record comes through a pipe."""
    source = """
import os

def score(one):
    child = os.fork()
    if child == 0:
        try:
            open("result", "w")
        finally:
            os._exit(1)
    return grade(one) if os.waitpid(child, 0)[1] == 0 else 0.0
"""
    report = diagnose(tmp_path, source, sums)
    assert "lambda_function.py:8 writes /var/task/result" in report.findings[1].message


def test_a_refusal_that_changes_no_score_is_a_warning(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """The log is lost, the scores are right."""
    source = """
def score(one):
    try:
        open("grader.log", "a")
    except OSError:
        pass
    return grade(one)
"""
    report = diagnose(tmp_path, source, sums)
    assert [(finding.probe, finding.severity) for finding in report.findings] == [
        ("S1", Severity.OK),
        ("S3", Severity.OK),
        ("S5", Severity.OK),
        ("S17", Severity.WARN),
    ]


def test_a_file_that_only_its_owner_may_read_is_named(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """Its mode in the zip is 600."""
    archive = tmp_path / "reward.zip"
    with ZipFile(archive, "w") as package:
        for name, content, mode in (
            ("lambda_function.py", caught("open('units.json')") + HANDLER, 0o644),
            ("units.json", "{}", 0o600),
        ):
            member = ZipInfo(name)
            member.external_attr = (0o100000 | mode) << 16
            package.writestr(member, content)
    with load_reward_function(str(archive), wall_clock=time, isolation=LambdaIsolation.NAMESPACES) as function:
        report = run_probes(
            probe_context(function, sums, row_count=4),
            data_name="train.jsonl",
            data_sha256="00",
            static_probes=CHOSEN,
        )
    assert report.findings[-1].measured == "/var/task/units.json (lambda_function.py:6)"
    assert report.findings[-1].severity is Severity.FAIL


@pytest.mark.parametrize(
    "source",
    [
        "open('/var/task/units.json').close()\ndef score(one): return grade(one)\n",
        caught("open('/var/task/units.json').close()"),
        caught("assert os.path.exists('/var/task/units.json')"),
    ],
    ids=["at import", "caught", "os.path.exists"],
)
def test_a_path_of_aws_is_not_judged_without_namespaces(sums: tuple[Record, ...], tmp_path: Path, source: str) -> None:
    """It works at AWS, so nothing fails. With namespaces the function is judged, and is sound."""
    report = diagnose(tmp_path, source, sums, isolation=LambdaIsolation.NONE)
    assert report.count(Severity.FAIL) == 0
    assert not report.passes(strict=False)
    assert "/var/task/units.json" in report.findings[1].message
    sound = diagnose(tmp_path, source, sums)
    assert {finding.severity for finding in sound.findings} == {Severity.OK}


def test_what_cannot_be_judged_is_named_once_without_namespaces(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """With the reason, the paths in the code, and how to change it. In JUnit it is a skipped test case."""
    source = "SEEN = '/tmp/rft-no-such-file.json'\ndef score(one): return grade(one)\n"
    report = diagnose(tmp_path, source, sums, isolation=LambdaIsolation.NONE)
    (entry,) = (finding for finding in report.findings if finding.severity is Severity.SKIPPED)
    assert (entry.probe, entry.name) == ("S17", "file system")
    assert entry.message == (
        "Paths that mean other files here than at AWS could not be judged, because the setting lambda_isolation is "
        "none: there is no /var/task and no /opt, all environments share /tmp with this machine, and what other "
        "programs write is not seen. In this function: /tmp/rft-no-such-file.json (lambda_function.py:1). Use --set "
        "lambda_isolation=auto."
    )
    assert report.conclusion == ("No finding speaks against paying for this run, but 1 of 4 probes lack a measurement.")
    assert '<skipped message="Paths that mean other files' in render_junit(report, strict=False)


def test_the_home_folder_is_judged_without_namespaces_too(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """The hook refuses it, and the score differs from that without the hook."""
    source = caught("os.makedirs(os.path.expanduser('~/.cache'), exist_ok=True)")
    report = diagnose(tmp_path, source, sums, isolation=LambdaIsolation.NONE)
    side_effects = report.findings[3]
    assert (side_effects.severity, side_effects.measured) == (
        Severity.FAIL,
        "/home/sbx_user1051 (lambda_function.py:6)",
    )


def test_the_advice_names_the_kernels_options() -> None:
    """For Ubuntu, other systems and containers."""
    assert "kernel.apparmor_restrict_unprivileged_userns=0" in ALLOW_NAMESPACES
    assert "CAP_SYS_ADMIN" in ALLOW_NAMESPACES


def test_scores_after_a_refusal_do_not_become_a_golden_file(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """Later runs would be compared with them."""
    report = diagnose(tmp_path, caught("open('cache.json', 'w')"), sums)
    path = tmp_path / "golden.txt"
    assert (write_reports(report, ReportFiles(golden=path)), path.exists()) == (1, False)


def test_concurrent_calls_of_a_function_with_state_are_repeatable(sums: tuple[Record, ...], tmp_path: Path) -> None:
    """Each concurrent call has an environment of its own, so a count of calls does not depend on threads."""
    source = """
CALLS = []

def score(one):
    CALLS.append(one)
    return len(CALLS)
"""

    def run() -> list[float | None]:
        with loaded(tmp_path, source, LambdaIsolation.AUTO, sums) as context, create_executor(3) as executor:
            context.invoker.executor, context.invoker.concurrency = executor, 3
            cases = [Case(label="a", record=record, text="") for record in sums[:12]]
            return [result.score for result in context.invoker.score(cases, batch_size=1)]

    assert run() == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
