"""`rft-sim verdict`: the report, the exit code, and what it answers to whoever asks for what cannot be."""

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


def run_command(world: RunningSimulator, *arguments: str) -> Result:
    """Run the command against a server."""
    return CliRunner().invoke(app, ["verdict", "--port", world.url.rpartition(":")[2], *arguments])


def rendered(verdict: Verdict, *, width: int = 80) -> str:
    """Return a verdict as it is printed where nothing is a terminal."""
    output = StringIO()
    print_verdict(verdict, Console(file=output, width=width, highlight=False, emoji=False))
    return output.getvalue()


def poll_too_fast(world: RunningSimulator) -> None:
    """Poll hot: a fail."""
    for _ in range(31):
        world.http.get("/v1/fine_tuning/jobs")


def repeat_refused_request(world: RunningSimulator) -> None:
    """Repeat what is refused: a warning."""
    for _ in range(10):
        world.http.get("/v1/fine_tuning/jobs", params={"limit": "none"})


def test_where_nothing_was_asked_all_is_clean(served_simulator: RunningSimulator) -> None:
    """Two lines."""
    done = run_command(served_simulator)
    assert (done.exit_code, done.stdout, done.stderr) == (
        0,
        "Verdict on the client: clean\nNo request to Mantle.\n",
        "",
    )


def test_a_fail_is_exit_code_1(served_simulator: RunningSimulator) -> None:
    """CI stops."""
    poll_too_fast(served_simulator)
    done = run_command(served_simulator)
    assert (done.exit_code, done.stdout.splitlines()[0]) == (1, "Verdict on the client: failed")
    assert "FAIL  C2  polled hot" in done.stdout


def test_a_warning_is_one_when_it_is_told_to_be_strict(served_simulator: RunningSimulator) -> None:
    """And not otherwise."""
    repeat_refused_request(served_simulator)
    assert [run_command(served_simulator).exit_code, run_command(served_simulator, "--strict").exit_code] == [0, 1]


def test_it_may_be_asked_again_until_it_is_told_to_forget(served_simulator: RunningSimulator) -> None:
    """Each time it says the same."""
    repeat_refused_request(served_simulator)
    outlooks = [
        json.loads(run_command(served_simulator, "--json", *more).stdout)["verdict"] for more in ([], ["--forget"], [])
    ]
    assert outlooks == ["warned", "warned", "clean"]


def test_json_is_what_the_control_plane_answers(served_simulator: RunningSimulator) -> None:
    """Keys in alphabetical order, at every depth."""
    repeat_refused_request(served_simulator)
    done = run_command(served_simulator, "--json")
    document = json.loads(done.stdout)
    assert done.stdout == json.dumps(document, indent=2, sort_keys=True) + "\n"
    (finding,) = document["findings"]
    assert (finding["rule"], finding["cases"], finding["page"], finding["shown"][0]["requests"][0]["request"]) == (
        "C8",
        1,
        "docs/verdict.md#c8",
        "GET /v1/fine_tuning/jobs?limit=none",
    )


def test_what_a_client_exited_with_can_be_told(served_simulator: RunningSimulator) -> None:
    """One that is content left its job at work; one that was stopped did not."""
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


def test_a_client_that_goes_on_has_no_exit_code(served_simulator: RunningSimulator) -> None:
    """Exit code 2, one line."""
    done = run_command(served_simulator, "--so-far", "--exit-code", "0")
    assert (done.exit_code, done.stderr) == (
        2,
        "rft-sim: --so-far and --exit-code exclude each other: a client that is still running has no exit code\n",
    )


def test_a_report_shows_the_requests_and_what_to_do() -> None:
    """At 80 columns, the worst case first, and no more of them than are needed to see it."""
    stage = AuditScenario()
    client = stage.client("trainer")
    for _ in range(5):
        client.fail_to_retrieve_job(UUID, status=429, retry_after=5.0)
        client.pause(1)
    client.fail_to_retrieve_job(outcome=Outcome.NO_ANSWER, status=None)
    assert rendered(stage.verdict(is_final=False)) == (
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


def test_the_worst_finding_is_told_first() -> None:
    """Whatever its rule's number."""
    stage = AuditScenario(failures_in_a_row=20)
    client = stage.client()
    client.create_job()
    for _ in range(21):
        client.fail_to_retrieve_job(status=500)
        client.pause(1)
    findings = stage.verdict().findings
    assert [(finding.rule, finding.severity.value) for finding in findings] == [("C7", "fail"), ("C1", "note")]


def test_several_clients_are_told_by_their_names() -> None:
    """Whose case it is stands before it; a note asks, and tells nobody what to do."""
    stage = AuditScenario()
    stage.client("watcher").list_jobs()
    stage.client("maker").create_job()
    assert (
        rendered(stage.verdict())
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
    """Nor than is good to read."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job(UUID)
    client.invoke_model(None, status=400)
    client.create_job(outcome=Outcome.NO_ANSWER, status=None)
    client.create_job(UUID)
    assert max(map(len, rendered(stage.verdict(), width=width).splitlines())) <= min(width, 120)
