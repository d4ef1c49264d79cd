"""What `rft diagnose` reads from a job's metrics, and how it says so."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from client.__main__ import main
from client.diagnosis.rendering import print_diagnosis, render_diagnosis_json
from client.diagnosis.report import Diagnosis, Finding, diagnose_job
from client.diagnosis.rules import Severity
from client.mantle_client import Checkpoint, Event, Job
from tests.client.mantle_stub import Json, MantleStub, message_event, metrics_event

STEPS = 60
Curve = Callable[[int], object]


def constant_curve(value: object) -> Curve:
    """The same at every step."""
    return lambda _: value


# A run with nothing to complain of: `STEPS` steps, counted from 1.
HEALTHY_CURVES: dict[str, Curve] = {
    "critic_rewards_mean": lambda step: 0.5 + 0.4 * step / STEPS,
    "critic_advantages_mean": lambda step: 0.01 * (-1) ** step,
    "actor_entropy": lambda step: 0.6 - 0.2 * step / STEPS,
    "actor_grad_norm": constant_curve(0.001),
    "response_length_mean": constant_curve(300.0),
}
NOT_TRIGGERED = {
    ("T10", "dead gradient"): "ok",
    ("T3", "sparse"): "ok",
    ("T2", "saturated"): "ok",
    ("T4", "no learning"): "ok",
    ("T3", "plateau"): "ok",
    ("T4", "reward collapse"): "ok",
    ("T7", "mode collapse"): "ok",
    ("T8", "memorised"): "info",
    ("T6", "length drift"): "ok",
    ("T10", "gradient spike"): "ok",
    ("T6", "length pays"): "info",
}


def two_level_curve(first: float, last: float) -> Curve:
    """A level for the first half of a run and another for the second."""
    return lambda step: first if step <= STEPS // 2 else last


def make_job(status: str = "succeeded", **fields: Any) -> Job:
    """A job with the documented hyperparameters."""
    hyperparameters = {"n_epochs": 1, "batch_size": 4, "learning_rate_multiplier": 1.0}
    method = {"type": "reinforcement", "reinforcement": {"hyperparameters": hyperparameters}}
    return Job(id="ftjob-1", status=status, body={"model": "m", "method": method, "error": None} | fields)


def step_event(step: object, **data: object) -> Event:
    """A metrics event with these numbers."""
    body: Json = {"type": "metrics", "data": {"step": step, **data}}
    placed = isinstance(step, int)
    return Event(
        id=f"e{step}", created_at=0, level="info", message="", metrics=body["data"] if placed else None, body=body
    )


def make_log(steps: int = STEPS, /, **curves: Curve) -> list[Event]:
    """The events of a run on these curves, sound ones where none is given."""
    return [
        step_event(step, total_steps=STEPS, **{name: curve(step) for name, curve in (HEALTHY_CURVES | curves).items()})
        for step in range(1, steps + 1)
    ]


def finding_named(name: str, events: Iterable[Event], **known: Any) -> Finding:
    """One finding, by its name."""
    found = diagnose_job(known.pop("job", make_job()), events, known.pop("checkpoints", ()), **known).findings
    (finding,) = [finding for finding in found if finding.name == name]
    return finding


def failures_and_warnings(diagnosis: Diagnosis) -> set[str]:
    """The failures and warnings, in short."""
    bad = {Severity.FAIL, Severity.WARN}
    return {f"{item.severity} {item.id} {item.name}" for item in diagnosis.findings if item.severity in bad}


def render(diagnosis: Diagnosis, *, width: int | None) -> str:
    """What a terminal of a width shows; without one, a pipe."""
    terminal = width is not None
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, soft_wrap=True)
    print_diagnosis(diagnosis, console=console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_healthy_run_has_every_finding_and_no_failure() -> None:
    """All eleven are taken but the gap to held-out rows, for want of checkpoints."""
    found = diagnose_job(make_job(), make_log(), ()).findings
    assert {(finding.id, finding.name): str(finding.severity) for finding in found} == NOT_TRIGGERED


@pytest.mark.parametrize(
    ("curves", "expected"),
    [
        (
            {"critic_rewards_mean": constant_curve(0.0), "actor_grad_norm": constant_curve(0.0)},
            {"fail T10 dead gradient", "fail T3 sparse", "fail T4 no learning", "fail T3 plateau"},
        ),
        (
            {"critic_rewards_mean": constant_curve(1.0), "actor_grad_norm": constant_curve(0.0)},
            {"fail T10 dead gradient", "warn T2 saturated"},
        ),
        ({"critic_rewards_mean": two_level_curve(0.04, 0.9)}, {"fail T3 sparse"}),
        ({"critic_rewards_mean": two_level_curve(0.06, 0.14)}, {"warn T3 plateau"}),
        ({"critic_rewards_mean": two_level_curve(0.5, 0.54)}, {"fail T4 no learning"}),
        ({"critic_rewards_mean": two_level_curve(0.91, 0.92)}, set()),
        ({"critic_rewards_mean": two_level_curve(0.95, 0.97)}, set()),
        ({"critic_rewards_mean": two_level_curve(0.96, 0.97)}, {"warn T2 saturated"}),
        (
            {"critic_rewards_mean": lambda step: 0.9 if 20 < step <= 40 else 0.5 if step <= 20 else 0.7},
            {"warn T4 reward collapse"},
        ),
        (
            {
                "critic_rewards_mean": lambda step: (
                    (0.5 if step <= 20 else 0.85 if step <= 40 else 0.6) + 0.1 * (-1) ** step
                )
            },
            {"warn T4 reward collapse"},
        ),
        ({"response_length_mean": two_level_curve(300.0, 430.0)}, {"warn T6 length drift"}),
        ({"response_length_mean": two_level_curve(300.0, 410.0)}, set()),
        ({"response_length_mean": two_level_curve(300.0, 170.0)}, {"warn T6 length drift"}),
        ({"actor_entropy": two_level_curve(0.6, 0.05)}, {"fail T7 mode collapse"}),
        ({"actor_entropy": two_level_curve(0.6, 0.07)}, set()),
        ({"actor_entropy": two_level_curve(0.6, 1.0)}, {"warn T7 mode collapse"}),
        ({"actor_grad_norm": lambda step: 0.0 if step <= 31 else 0.001}, {"fail T10 dead gradient"}),
        ({"actor_grad_norm": lambda step: 0.0 if step <= 30 else 0.001}, set()),
        ({"actor_grad_norm": lambda step: 0.011 if step == 31 else 0.001}, {"warn T10 gradient spike"}),
        ({"actor_grad_norm": lambda step: 0.11 if step == 31 else 0.001}, {"warn T10 gradient spike"}),
        ({"actor_grad_norm": lambda step: 100.0 if step in {31, 32, 40} else 0.001}, {"warn T10 gradient spike"}),
        ({"actor_grad_norm": lambda step: 0.009 if step == 31 else 0.001}, set()),
    ],
)
def test_each_defect_triggers_only_its_rule(curves: dict[str, Curve], expected: set[str]) -> None:
    """A curve on either side of every threshold."""
    assert failures_and_warnings(diagnose_job(make_job(), make_log(**curves), ())) == expected


@pytest.mark.parametrize(
    ("name", "curve", "meaning"),
    [
        ("no learning", two_level_curve(0.5, 0.44), "The reward fell."),
        ("no learning", two_level_curve(0.5, 0.46), "The reward did not rise."),
        ("sparse", constant_curve(0.0), "The base model earned next to nothing: too little to learn from."),
        (
            "sparse",
            two_level_curve(0.0, 0.9),
            "The base model earned next to nothing, yet the reward rose: a rare trick may be what scores.",
        ),
    ],
)
def test_meaning_and_fix_match_the_metrics(name: str, curve: Curve, meaning: str) -> None:
    """One rule, two stories."""
    assert finding_named(name, make_log(critic_rewards_mean=curve)).meaning == meaning


def test_gradient_of_the_kl_term_alone_is_no_measure_for_spikes() -> None:
    """Late in a good run most steps have no advantage left, and a gradient hundreds of times smaller."""
    assert not failures_and_warnings(
        diagnose_job(make_job(), make_log(actor_grad_norm=lambda step: 0.001 if step % 3 == 0 else 0.000002), ())
    )


def test_fall_that_chance_explains_is_no_collapse() -> None:
    """One prompt a step: the mean of ten jumps about by more than a tenth."""
    noisy = make_log(critic_rewards_mean=lambda step: float(step % 4 != 0) if 20 < step <= 40 else float(step % 2))
    assert failures_and_warnings(diagnose_job(make_job(), noisy, ())) == {"fail T4 no learning"}


def test_collapse_names_the_checkpoint_nearest_the_best_steps() -> None:
    """The model that is wanted exists already: the one that the best steps led to."""
    kept = [Checkpoint(id=str(step), step=step, model="m", metrics={}) for step in (20, 40, STEPS)]
    events = make_log(critic_rewards_mean=lambda step: 0.9 if 20 < step <= 40 else 0.5)
    assert finding_named("reward collapse", events, checkpoints=kept).fix == (
        "Try the checkpoint after step 40. A lower learning rate multiplier, or fewer epochs."
    )


@pytest.mark.parametrize(
    ("curve", "meaning"),
    [
        (lambda step: 0.2 + 0.01 * (step % 2), "Longer answers scored better than others to the same prompt."),
        (lambda step: -0.2 + 0.01 * (step % 2), "Shorter answers scored better than others to the same prompt."),
        (lambda step: 0.02 + 0.05 * (-1) ** step, "Longer answers scored better than others to the same prompt."),
        (lambda step: 0.01 + 0.05 * (-1) ** step, "Long and short answers scored alike."),
        (constant_curve(0.0), "Long and short answers scored alike."),
    ],
)
def test_sign_of_the_token_mean_advantage_says_which_lengths_pay(curve: Curve, meaning: str) -> None:
    """A fact to know, never a complaint by itself."""
    finding = finding_named("length pays", make_log(critic_advantages_mean=curve))
    assert (finding.severity, finding.meaning) == (Severity.INFO, meaning)


@pytest.mark.parametrize(
    ("steps", "taken"),
    [
        (4, set()),
        (5, {"dead gradient"}),
        (19, {"dead gradient", "sparse", "saturated", "gradient spike", "length pays"}),
        (20, {name for _, name in NOT_TRIGGERED} - {"memorised"}),
    ],
)
def test_short_run_is_not_measured(steps: int, taken: set[str]) -> None:
    """Below 20 steps the first ten are among the last, and below ten there is no window."""
    found = diagnose_job(make_job(), make_log(steps), ()).findings
    assert {finding.name for finding in found if finding.value is not None} == taken


@pytest.mark.parametrize(
    ("status", "planned", "advice"),
    [
        ("succeeded", 8, " More epochs or a smaller batch make more steps."),
        ("running", 60, " Look again later."),
        ("cancelled", 60, ""),
        ("succeeded", None, ""),
    ],
)
def test_short_run_says_how_to_get_more_steps(status: str, planned: int | None, advice: str) -> None:
    """A run planned too short needs another plan; one that goes on needs patience; one that broke off, neither."""
    events = [step_event(step, total_steps=planned, critic_rewards_mean=0.5) for step in range(1, 9)]
    notes = diagnose_job(make_job(status), events, ()).notes
    assert [note for note in notes if note.startswith("8 steps")] == [
        f"8 steps: below 20 the first ten are among the last.{advice}"
    ]
    assert finding_named("plateau", events).meaning == "It takes 20 steps; there are 8."


def test_running_job_is_read_as_far_as_it_is() -> None:
    """That says so, and what may still come is a warning at most."""
    diagnosis = diagnose_job(make_job("running"), make_log(30, critic_rewards_mean=constant_curve(0.1)), ())
    assert (diagnosis.notes, failures_and_warnings(diagnosis)) == (
        ("The job is running; this is read from its first 30 of 60 steps.",),
        {"warn T4 no learning", "warn T3 plateau"},
    )


@pytest.mark.parametrize("reward", [-0.1, 1.1])
def test_rewards_of_another_range_are_not_held_to_thresholds_of_this_one(reward: float) -> None:
    """AWS allows a task-defined range; then gradients, entropy and length still tell."""
    found = diagnose_job(
        make_job(), make_log(critic_rewards_mean=lambda step: 0.5 if step > 1 else reward), ()
    ).findings
    outside = "Some rewards lie outside 0 to 1, the range that the threshold is for."
    assert {finding.name for finding in found if finding.meaning == outside} == {
        *("sparse", "saturated", "no learning", "plateau", "reward collapse", "memorised"),
    }


def test_log_with_holes_is_read_and_each_hole_named() -> None:
    """Nulls, words, truth values, NaN, keys left out, steps left out, twice, unplaced or in the wrong order."""
    odd = {7: None, 8: "0.001", 9: True, 10: math.nan, 11: math.inf, 12: 10**400}
    curves = {name: curve for name, curve in HEALTHY_CURVES.items() if name != "actor_entropy"}
    curves["actor_grad_norm"] = lambda step: odd.get(step, 0.001)
    order = [step for step in range(STEPS, 0, -1) if step not in {1, 4}]
    events = [step_event(step, **{name: curve(step) for name, curve in curves.items()}) for step in order]
    events += [step_event(None, critic_rewards_mean=0.5), *make_log()[-1:]]
    diagnosis = diagnose_job(make_job(), events, ())
    assert (diagnosis.steps, diagnosis.total_steps, diagnosis.notes, failures_and_warnings(diagnosis)) == (
        58,
        STEPS,
        (
            "1 metrics event without a step number left out.",
            "2 steps before step 60 not in the log.",
            "actor_entropy is missing, or no number, in 57 of 58 steps.",
            "actor_grad_norm is missing, or no number, in 6 of 58 steps.",
        ),
        set(),
    )


def test_metric_that_no_event_carries_is_said_to_be_missing() -> None:
    """Not that the run was too short."""
    events = [step_event(step, critic_rewards_mean=0.5 + step / 100) for step in range(1, 31)]
    assert finding_named("length drift", events).meaning == "The events carry no response_length_mean."


def make_checkpoint(step: int, **metrics: object) -> Checkpoint:
    """A checkpoint with these metrics."""
    return Checkpoint(id=str(step), step=step, model="m", metrics={"step": step, **metrics})


@pytest.mark.parametrize(
    ("held_out", "severity", "measured"),
    [(0.78, "ok", "0.800 - 0.780"), (0.72, "warn", "0.800 - 0.720"), (0.6, "fail", "0.800 - 0.600")],
)
def test_gap_to_held_out_rows(held_out: float, severity: str, measured: str) -> None:
    """The last checkpoint's validation reward against the ten steps that led to it, not against the run's end."""
    kept = [
        make_checkpoint(20, validation_reward_mean=0.1),
        make_checkpoint(40, validation_reward_mean=held_out),
        make_checkpoint(60),
    ]
    events = make_log(critic_rewards_mean=lambda step: 0.8 if 30 < step <= 40 else 0.5)
    finding = finding_named("memorised", events, checkpoints=kept, validation_rows=100)
    assert (str(finding.severity), finding.measured) == (severity, measured)


@pytest.mark.parametrize(
    ("fields", "kept", "rows", "why"),
    [
        ({}, [], 100, "There is no checkpoint."),
        ({}, [make_checkpoint(60)], 100, "No checkpoint carries a validation reward."),
        ({}, [make_checkpoint(60, validation_reward_mean=None)], 100, "No checkpoint carries a validation reward."),
        (
            {},
            [make_checkpoint(60, validation_reward_mean=0.2)],
            99,
            "Some 99 rows were held out; fewer than 100 are mostly chance.",
        ),
        (
            {},
            [make_checkpoint(60, validation_reward_mean=0.2)],
            None,
            "Some 26 rows were held out; fewer than 100 are mostly chance.",
        ),
        (
            {"validation_file": "f"},
            [make_checkpoint(60, validation_reward_mean=0.2)],
            None,
            "How many rows were held out is not known.",
        ),
        (
            {"method": None},
            [make_checkpoint(60, validation_reward_mean=0.2)],
            None,
            "How many rows were held out is not known.",
        ),
    ],
)
def test_gap_that_cannot_be_measured_says_why(fields: Json, kept: list[Checkpoint], rows: int | None, why: str) -> None:
    """Without a validation reward, or on fewer than 100 rows, a gap would be a guess."""
    finding = finding_named("memorised", make_log(), job=make_job(**fields), checkpoints=kept, validation_rows=rows)
    assert (finding.value, finding.meaning) == (None, why)


def test_tenth_held_out_of_a_large_file_is_large_enough() -> None:
    """500 steps of 4 prompts in two epochs are nine tenths of 1,111 rows."""
    events = [step_event(step, total_steps=500, critic_rewards_mean=0.5) for step in range(1, 501)]
    kept = [make_checkpoint(500, validation_reward_mean=0.5)]

    def told(epochs: int) -> str:
        method = {"reinforcement": {"hyperparameters": {"n_epochs": epochs, "batch_size": 4}}}
        return finding_named("memorised", events, checkpoints=kept, job=make_job(method=method)).measured

    assert [told(2), told(3)] == ["0.500 - 0.500", "not measured"]


def test_checkpoint_from_before_the_log_is_passed_over() -> None:
    """A service may keep the last events alone; then nothing is known of the steps that led to it."""
    kept = [make_checkpoint(20, validation_reward_mean=0.9)]
    assert finding_named("memorised", make_log()[30:], checkpoints=kept, validation_rows=100).meaning == (
        "No checkpoint carries a validation reward."
    )


def test_warnings_of_the_service_are_passed_on() -> None:
    """They tell of invalid results, which no metric does."""
    warnings = [
        Event(id=f"w{step}", created_at=0, level="warn", message=f"Step {step}: odd", metrics=None, body={})
        for step in (2, 5)
    ]
    warnings.append(Event(id="e", created_at=0, level="error", message="failed", metrics=None, body={}))
    assert diagnose_job(make_job(), [*make_log(), *warnings], ()).notes == (
        "The service logged 2 warnings. The first: Step 2: odd",
    )


LENGTH_MEANING = "Answers grew: longer ones may score better without being better."
LENGTH_FIX = "Read the long ones; pay for the result, not for length or words found."
BROKEN = {"critic_rewards_mean": constant_curve(0.0), "actor_grad_norm": constant_curve(0.0)}


@pytest.mark.parametrize("width", [80, 100, 200])
def test_table_keeps_to_the_width_of_the_terminal(width: int) -> None:
    """Worst first, one table, nothing cut off."""
    diagnosis = diagnose_job(make_job(), make_log(**BROKEN), ())
    lines = render(diagnosis, width=width).splitlines()
    severities = [line.split()[0] for line in lines[2:-1] if line[:4].strip()]
    assert max(len(line) for line in lines) <= width
    assert severities == ["fail"] * 4 + ["info"] * 3 + ["ok"] * 4
    assert " ".join("".join(lines).split()).count("…") == 0


def test_pipe_gets_one_line_per_finding() -> None:
    """Its fields between tabs, between what it is about and what it comes to."""
    lines = render(
        diagnose_job(make_job(), make_log(response_length_mean=two_level_curve(300.0, 430.0)), ()), width=None
    ).splitlines()
    assert (lines[0], lines[1].split("\t"), lines[-1]) == (
        "ftjob-1  m, succeeded, 60 steps read",
        [
            "warn",
            "T6",
            "length drift",
            "x1.43 (300 → 430)",
            "outside 0.6 to 1.4",
            f"{LENGTH_MEANING} → {LENGTH_FIX}",
        ],
        "! 1 warning in 60 steps",
    )
    assert [line.count("\t") for line in lines[1:-1]] == [5] * 11


@pytest.mark.parametrize(
    ("events", "last"),
    [
        (make_log(), "✓ sound       nothing to complain of in 60 steps  1 of 11 readings could not be taken"),
        (make_log(12), "! nothing to complain of in 12 steps, but 6 of 11 readings could not be taken"),
        (make_log(**BROKEN), "✗ 4 failures, 0 warnings in 60 steps"),
        ([], "! There is no training step to read."),
    ],
)
def test_last_line_says_what_it_comes_to(events: Sequence[Event], last: str) -> None:
    """A run that was hardly read is not called sound."""
    assert render(diagnose_job(make_job(), events, ()), width=None).splitlines()[-1] == last


def test_json_says_the_same() -> None:
    """Everything the table shows, with the measured number beside its words."""
    diagnosis = diagnose_job(make_job(), make_log(response_length_mean=two_level_curve(300.0, 450.0)), ())
    report = json.loads(render_diagnosis_json(diagnosis))
    findings = report.pop("findings")
    assert report == {
        "error": None,
        "failures": 0,
        "job": "ftjob-1",
        "model": "m",
        "notes": [],
        "status": "succeeded",
        "steps": 60,
        "total_steps": 60,
        "unread": 1,
        "warnings": 1,
    }
    assert findings[0] == {
        "fix": LENGTH_FIX,
        "id": "T6",
        "meaning": LENGTH_MEANING,
        "measured": "x1.50 (300 → 450)",
        "name": "length drift",
        "severity": "warn",
        "threshold": "outside 0.6 to 1.4",
        "value": 1.5,
    }


@dataclass
class DiagnosisStub(MantleStub):
    """A stand-in with one job, whose log tells of these curves."""

    curves: dict[str, Curve] = field(default_factory=dict)
    logged_steps: int = 67

    def log(self) -> list[Json]:
        """The events, oldest first."""
        events = [metrics_event(step, self.steps) for step in range(1, self.logged_steps + 1)]
        for event in events:
            event["data"] |= {name: curve(event["data"]["step"]) for name, curve in self.curves.items()}
        return [message_event(1, "Fine-tuning job created", at=0), *events]

    def add_job(self, status: str, **fields: Any) -> None:
        """Put the job there."""
        self.jobs["ftjob-1"] = {"id": "ftjob-1", "model": "m", "status": status, "error": None} | fields


@pytest.fixture
def stub() -> DiagnosisStub:
    """The stand-in that this module's commands ask."""
    told = DiagnosisStub(reads=1000)
    told.add_job("succeeded")
    return told


def run_rft(*arguments: str) -> int:
    """Run `rft` and return its exit code."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return int(caught.value.code or 0)


def test_command_finds_nothing_in_a_sound_run(
    stub_workspace: Path, stub: DiagnosisStub, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says so, with exit code 0, strict or not."""
    code = run_rft("diagnose", "ftjob-1", "--strict")
    out, err = capsys.readouterr()
    assert (code, err, out.splitlines()[-1]) == (
        0,
        "",
        "✓ sound       nothing to complain of in 67 steps  1 of 11 readings could not be taken",
    )


@pytest.mark.parametrize(
    ("curves", "options", "code"),
    [
        (BROKEN, (), 1),
        (BROKEN, ("--json",), 1),
        ({"response_length_mean": lambda step: 300.0 + 10 * step}, (), 0),
        ({"response_length_mean": lambda step: 300.0 + 10 * step}, ("--strict",), 1),
        ({"response_length_mean": constant_curve(None)}, ("--strict",), 0),
    ],
)
def test_exit_code(
    stub_workspace: Path, stub: DiagnosisStub, curves: dict[str, Curve], options: tuple[str, ...], code: int
) -> None:
    """1 for a failure, with --strict for a warning as well; what could not be read is neither."""
    stub.curves = curves
    assert run_rft("diagnose", "ftjob-1", *options) == code


def test_failed_job_tells_its_error_first(
    stub_workspace: Path, stub: DiagnosisStub, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then what its steps still show; a failed job is a failure whatever they do."""
    stub.add_job("failed", error={"code": "grader_error", "message": "the function timed out", "param": None})
    stub.logged_steps = 25
    code = run_rft("diagnose", "ftjob-1")
    lines = capsys.readouterr().out.splitlines()
    assert (code, lines[:4]) == (
        1,
        [
            "✗ The job ftjob-1 failed: grader_error: the function timed out",
            "→ Its whole log: rft events ftjob-1",
            "ftjob-1  m, failed, 25 steps read",
            "! The job is failed; this is read from its first 25 of 67 steps.",
        ],
    )


def test_validation_file_is_counted(
    stub_workspace: Path, stub: DiagnosisStub, capsys: pytest.CaptureFixture[str]
) -> None:
    """The service does not say how many rows it holds out; the file does."""
    stub.add_job("succeeded", validation_file="file-2")
    stub.checkpoint_metrics = {"validation_reward_mean": 0.9}
    run_rft("diagnose", "ftjob-1", "--validation", "validation.jsonl", "--json")
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [item["meaning"] for item in findings if item["id"] == "T8"] == [
        "Some 30 rows were held out; fewer than 100 are mostly chance."
    ]


def test_log_of_a_service_that_sends_nulls(
    stub_workspace: Path, stub: DiagnosisStub, capsys: pytest.CaptureFixture[str]
) -> None:
    """A step without a number is left out with a word, never a traceback."""
    stub.curves = {"step": lambda step: None if step == 5 else step, "actor_entropy": constant_curve(None)}
    code = run_rft("diagnose", "ftjob-1")
    assert (code, capsys.readouterr().out.splitlines()[1:4]) == (
        0,
        [
            "! 1 metrics event without a step number left out.",
            "! 1 step before step 67 not in the log.",
            "! actor_entropy is missing, or no number, in 66 of 66 steps.",
        ],
    )
