"""`rft-sim verdict`: the report, the exit codes and usage errors."""

import json
from io import StringIO

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from simulator.cli.verdict_table import print_verdict
from simulator.verdict.exchange import Outcome
from simulator.verdict.verdict import Verdict
from tests.simulators import RunningSimulator
from tests.verdict.audit_scenario import AuditScenario

UUID = "ftjob-6ea8b8fb-21bb-4f60-96fb-a8b332babf90"


@pytest.fixture(autouse=True)
def _reset_verdict(served_simulator: RunningSimulator) -> None:
    served_simulator.http.delete("/_simulator/verdict")


def run_command(simulator: RunningSimulator, *arguments: str) -> Result:
    """Run the command for a simulator."""
    return CliRunner().invoke(app, ["verdict", "--port", simulator.url.rpartition(":")[2], *arguments])


def rendered(verdict: Verdict, *, width: int = 80) -> str:
    """Return the printed verdict."""
    output = StringIO()
    print_verdict(verdict, Console(file=output, width=width, highlight=False, emoji=False))
    return output.getvalue()


def poll_too_fast(simulator: RunningSimulator) -> None:
    """Poll too fast: a failure."""
    for _ in range(31):
        simulator.http.get("/v1/fine_tuning/jobs")


def repeat_refused_request(simulator: RunningSimulator) -> None:
    """Repeat a refused request: a warning."""
    for _ in range(10):
        simulator.http.get("/v1/fine_tuning/jobs", params={"limit": "none"})


def test_without_requests_the_verdict_is_clean(served_simulator: RunningSimulator) -> None:
    """Two lines."""
    result = run_command(served_simulator)
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "Verdict on the client: clean\nNo request to Mantle.\n",
        "",
    )


def test_a_failure_is_exit_code_1(served_simulator: RunningSimulator) -> None:
    """CI stops."""
    poll_too_fast(served_simulator)
    result = run_command(served_simulator)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (1, "Verdict on the client: failed")
    assert "FAIL  C2  polled hot" in result.stdout


def test_a_warning_is_exit_code_1_with_strict_only(served_simulator: RunningSimulator) -> None:
    """Without it the exit code is 0."""
    repeat_refused_request(served_simulator)
    assert [run_command(served_simulator).exit_code, run_command(served_simulator, "--strict").exit_code] == [0, 1]


def test_forget_deletes_the_recorded_requests(served_simulator: RunningSimulator) -> None:
    """Without it the verdict stays the same."""
    repeat_refused_request(served_simulator)
    verdicts = [
        json.loads(run_command(served_simulator, "--json", *more).stdout)["verdict"] for more in ([], ["--forget"], [])
    ]
    assert verdicts == ["warned", "warned", "clean"]


def test_json_is_the_document_of_the_control_plane(served_simulator: RunningSimulator) -> None:
    """Keys in alphabetical order, at every depth."""
    repeat_refused_request(served_simulator)
    result = run_command(served_simulator, "--json")
    document = json.loads(result.stdout)
    assert result.stdout == json.dumps(document, indent=2, sort_keys=True) + "\n"
    (finding,) = document["findings"]
    assert (finding["rule"], finding["cases"], finding["page"], finding["shown"][0]["requests"][0]["request"]) == (
        "C8",
        1,
        "docs/verdict.md#c8",
        "GET /v1/fine_tuning/jobs?limit=none",
    )


def test_the_exit_code_of_the_client_decides_about_its_unfinished_job(served_simulator: RunningSimulator) -> None:
    """A client that exits with 0 abandoned the job; a client that was interrupted did not."""
    job = served_simulator.create_job(served_simulator.upload(b"{}\n"))["id"]
    served_simulator.http.get(f"/v1/fine_tuning/jobs/{job}/checkpoints")
    rules = [
        [
            finding["severity"]
            for finding in json.loads(run_command(served_simulator, "--json", *more).stdout)["findings"]
        ]
        for more in (["--exit-code", "0"], ["--exit-code", "130"], [], ["--so-far"])
    ]
    assert rules == [["warn"], [], ["note"], []]


def test_so_far_and_exit_code_exclude_each_other(served_simulator: RunningSimulator) -> None:
    """Exit code 2, one line."""
    result = run_command(served_simulator, "--so-far", "--exit-code", "0")
    assert (result.exit_code, result.stderr) == (
        2,
        "rft-sim: --so-far and --exit-code exclude each other: a client that is still running has no exit code\n",
    )


def test_the_report_shows_the_requests_and_what_to_do() -> None:
    """At 80 columns, with the worst cases first and the others counted."""
    scenario = AuditScenario()
    client = scenario.client("trainer")
    for _ in range(5):
        client.fail_to_retrieve_job(UUID, status=429, retry_after=5.0)
        client.pause(1)
    client.fail_to_retrieve_job(outcome=Outcome.NO_ANSWER, status=None)
    assert rendered(scenario.verdict(is_final=False)) == (
        """\
Verdict on the client: failed
6 requests (5 x 429, 1 x no answer) in 5.1 s by trainer; longest wait 0.01 s

FAIL  C3  ignored Retry-After (4 times)
          repeated the request after 1 s, although the answer said to wait 5 s
              0.000  GET …/jobs/ftjob-6ea8b8fb…  429, Retry-After 5
              1.010  GET …/jobs/ftjob-6ea8b8fb…  429, Retry-After 5
          repeated the request after 1 s, although the answer said to wait 5 s
              1.010  GET …/jobs/ftjob-6ea8b8fb…  429, Retry-After 5
              2.020  GET …/jobs/ftjob-6ea8b8fb…  429, Retry-After 5
          repeated the request after 1 s, although the answer said to wait 5 s
              2.020  GET …/jobs/ftjob-6ea8b8fb…  429, Retry-After 5
              3.030  GET …/jobs/ftjob-6ea8b8fb…  429, Retry-After 5
          and 1 more
          do  Read the header (seconds, or a date) and sleep that long, or stop
              with a message if that is too long. Do not rely on an SDK for a
              long wait.

What a finding means: rft-sim verdict --explain C3
"""
    )


def test_the_worst_finding_comes_first() -> None:
    """Whatever the id of its rule."""
    scenario = AuditScenario(failures_in_a_row=20)
    client = scenario.client()
    client.create_job()
    for _ in range(21):
        client.fail_to_retrieve_job(status=500)
        client.pause(1)
    findings = scenario.verdict().findings
    assert [(finding.rule, finding.severity.value) for finding in findings] == [("C7", "fail"), ("C1", "note")]


def test_a_case_names_its_client_when_there_are_several() -> None:
    """A note has no instruction."""
    scenario = AuditScenario()
    scenario.client("watcher").list_jobs()
    scenario.client("maker").create_job()
    assert (
        rendered(scenario.verdict())
        == """\
Verdict on the client: clean
2 requests (2 x 200) in 0.0 s by watcher, maker; longest wait 0.01 s

NOTE  C1  took for an end what is none?
          maker last received job ftjob-1 as `validating_files`, and no client
          received its end
              0.010  POST …/jobs  200, validating_files

What a finding means: rft-sim verdict --explain C1
"""
    )


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Nor than 120 columns."""
    scenario = AuditScenario()
    client = scenario.client()
    client.create_job(UUID)
    client.invoke_model(None, status=400)
    client.create_job(outcome=Outcome.NO_ANSWER, status=None)
    client.create_job(UUID)
    assert max(map(len, rendered(scenario.verdict(), width=width).splitlines())) <= min(width, 120)
