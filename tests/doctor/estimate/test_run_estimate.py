"""`rft-sim estimate`: what a run takes, on assumptions that all have names."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from simulator.doctor.estimate.assumptions import AssumptionError
from simulator.doctor.estimate.calculation import Estimate, Range, count_checkpoints
from simulator.doctor.estimate.measurement import CallMeasurement, MeasurementError, measure_calls
from simulator.doctor.estimate.run_checks import RUN_CHECKS, PlannedRun, check_run, findings_pass
from simulator.doctor.estimate.run_estimate import EstimateReport, FunctionProfile, estimate_run
from simulator.doctor.finding import Finding
from simulator.doctor.invocation import Call
from simulator.grading.lambda_failure import TIMEOUT_ERROR_TYPE
from simulator.lambdas.errors import Throttled
from simulator.lambdas.function import Invocation
from simulator.settings import GradingSettings, Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_plan import TrainingPlan
from tests.doctor.fake_reward_functions import FakeRewardFunction, Handler, handler_for

ROOT = Path(__file__).parents[3]
DATA = ROOT / "fixtures" / "prompts" / "train.jsonl"

# Round numbers, so that the figures below can be reckoned by hand.
ROUND = (
    *("response_tokens=100", "memory_mb=1024", "call_seconds_low=1", "call_seconds_high=2", "log_bytes_per_call=1000"),
    *("start_seconds_low=100", "start_seconds_high=200", "step_seconds_low=10", "step_seconds_high=20"),
    *("tokens_per_second_low=100", "tokens_per_second_high=1000", "lambda_usd_per_gb_second=0.5"),
    *("lambda_usd_per_million_calls=1000000", "log_usd_per_gb=1000", "training_usd_per_hour=36"),
)


def run_estimate(
    records: tuple[Record, ...],
    *assignments: str,
    batch_size: int = 4,
    n_epochs: int = 1,
    validation: tuple[Record, ...] | None = None,
    function: FunctionProfile | None = None,
    settings: Settings | None = None,
) -> EstimateReport:
    """Estimate a run on these records."""
    return estimate_run(
        records,
        validation,
        data="train.jsonl",
        model="openai.gpt-oss-20b",
        run=Hyperparameters(batch_size=batch_size, n_epochs=n_epochs),
        settings=settings or Settings(),
        function=function or FunctionProfile(),
        assignments=assignments,
    )


def estimate_of(found: EstimateReport) -> Estimate:
    """Return the estimate, which there is."""
    assert found.estimate is not None
    return found.estimate


def estimate(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    environment = {"COLUMNS": "100", "RFT_TARGET": "simulator", "AWS_ENDPOINT_URL": ""}
    return CliRunner(env=environment).invoke(app, ["estimate", *map(str, arguments)], catch_exceptions=False)


# The figures


def test_the_figures_follow_from_the_assumptions(sums: tuple[Record, ...]) -> None:
    """67 steps of 4 prompts with 8 rollouts each, and 5 evaluations of 30 records: 268 and 20 calls of 8 rollouts."""
    assert estimate_of(run_estimate(sums, *ROUND)) == Estimate(
        steps=67,
        steps_per_epoch=67,
        checkpoints=4,
        evaluations=5,
        rollouts=2_144,
        held_out_rollouts=150,
        calls=268,
        held_out_calls=20,
        peak_concurrency=4,
        tokens=229_400.0,
        gb_seconds=Range(low=288.0, high=576.0),
        lambda_usd=Range(low=144.0 + 288.0, high=288.0 + 288.0),
        log_bytes=288_000.0,
        log_usd=288_000 / 1e9 * 1_000,
        # The start, the steps, the tokens, and 72 times the calls of a step or an evaluation, all at once.
        wall_seconds=Range(low=100 + 670 + 229.4 + 72, high=200 + 1_340 + 2_294 + 144),
        training_usd=Range(low=(100 + 670 + 229.4 + 72) / 3600 * 36, high=3_978 / 3600 * 36),
    )


def test_calls_that_may_not_run_at_once_follow_each_other(sums: tuple[Record, ...]) -> None:
    """With two at a time a step's four calls take two turns."""
    found = estimate_of(run_estimate(sums, *ROUND, "concurrent_calls=2"))
    assert (found.peak_concurrency, found.wall_seconds.low) == (2, 100 + 670 + 229.4 + 144)


def test_a_validation_file_takes_the_place_of_the_held_out_tenth(sums: tuple[Record, ...]) -> None:
    """All records are trained on, and each evaluation scores the whole file."""
    found = run_estimate(sums[:200], validation=sums)
    assert (estimate_of(found).steps, estimate_of(found).held_out_rollouts) == (50, 4 * 300)
    assert "held_out_share" not in found.assumptions


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("rollouts_per_prompt=16", (67, 4_288, 536, 20, 8)),
        ("rollouts_per_call=32", (67, 2_144, 67, 5, 1)),
        ("held_out_share=0.5", (37, 1_184, 148, 3 * 19, 19)),
        ("evaluations=1", (67, 2_144, 268, 4, 4)),
        ("rollouts_per_held_out_record=2", (67, 2_144, 268, 40, 8)),
    ],
)
def test_an_assumption_that_is_given_counts(
    sums: tuple[Record, ...], assignment: str, expected: tuple[int, ...]
) -> None:
    """And is marked so."""
    found = run_estimate(sums, assignment)
    shown = estimate_of(found)
    assert (shown.steps, shown.rollouts, shown.calls, shown.held_out_calls, shown.peak_concurrency) == expected
    assert [one.name for one in found.assumptions.values() if one.basis == "GIVEN"] == [assignment.partition("=")[0]]


def test_settings_are_the_usual_values_of_assumptions(sums: tuple[Record, ...]) -> None:
    """What the simulator is set to is what the estimate assumes."""
    settings = replace(Settings(), grading=GradingSettings(rollouts_per_call=16))
    assert estimate_of(run_estimate(sums, settings=settings)).calls == 134


def test_training_is_not_counted_while_its_price_is_unknown(sums: tuple[Record, ...]) -> None:
    """Nobody has published one."""
    assert estimate_of(run_estimate(sums)).training_usd is None


def test_every_assumption_says_where_it_is_from(sums: tuple[Record, ...]) -> None:
    """With one of the marks."""
    marks = {"DOCUMENTED", "SAMPLE", "OBSERVED", "INFERRED", "SIMULATED"}
    assert [
        one.name for one in run_estimate(sums).assumptions.values() if one.basis not in marks or not one.reason
    ] == []


TIMED = CallMeasurement(
    median_seconds=0.01, p95_seconds=0.02, log_bytes=700, peak_memory_mb=40, is_remote=False, calls=20, seconds=0.2
)


def test_what_was_measured_is_marked_so(sums: tuple[Record, ...]) -> None:
    """Here a processor is whole: a function of 512 MB has 3.46 times less of one."""
    timed = replace(TIMED, median_seconds=0.0101, p95_seconds=0.0204, log_bytes=700.4)
    found = run_estimate(sums, function=FunctionProfile(measurement=timed)).assumptions
    values = {name: (one.value, one.basis) for name, one in found.items()}
    assert {name: value for name, value in values.items() if "call_seconds" in name or "log_bytes" in name} == {
        "call_seconds_low": (0.0101, "MEASURED"),
        "call_seconds_high": (0.0204, "MEASURED"),
        "log_bytes_per_call": (700, "MEASURED"),
    }
    assert values["slowdown_high"] == (3.46, "DOCUMENTED")


def test_calls_that_were_measured_where_they_will_run_are_not_slowed_down(sums: tuple[Record, ...]) -> None:
    """At AWS."""
    timed = FunctionProfile(measurement=replace(TIMED, is_remote=True))
    assert run_estimate(sums, function=timed).assumptions["slowdown_high"].value == 1.0


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("rollouts_per_promt=4", "Is rollouts_per_prompt meant?"),
        ("rollouts_per_prompt", "that is not NAME=VALUE of one of rollouts_per_prompt, temperature,"),
        ("rollouts_per_prompt=many", "'many' is no number"),
        ("rollouts_per_prompt=0", "give a whole number of at least 1"),
        ("rollouts_per_call=1.5", "give a whole number of at least 1"),
        ("call_seconds_low=-1", "give a number that is not below 0"),
        ("call_seconds_low=nan", "give a number that is not below 0"),
        ("held_out_share=1", "give at most 0.9"),
    ],
)
def test_an_assumption_that_cannot_be_is_told(sums: tuple[Record, ...], assignment: str, said: str) -> None:
    """With what is wrong."""
    with pytest.raises(AssumptionError) as error:
        run_estimate(sums, assignment)
    assert str(error.value).startswith(assignment)
    assert said in str(error.value)


# Measuring


def test_calls_are_timed_as_the_doctor_times_them(sums: tuple[Record, ...]) -> None:
    """The median and the p95 of twenty calls of eight, and what they log."""
    patient = FakeRewardFunction(handler_for(lambda _element: 1.0), duration_ms=250.0, log="one line\n")
    found = measure_calls(
        patient, sums, settings=Settings(), model="openai.gpt-oss-20b", run=Hyperparameters(), is_remote=False
    )
    assert (found, patient.calls) == (
        CallMeasurement(
            median_seconds=0.25,
            p95_seconds=0.25,
            log_bytes=9.0,
            peak_memory_mb=64,
            is_remote=False,
            calls=20,
            seconds=5.0,
        ),
        20,
    )


@pytest.mark.parametrize(("seconds", "calls"), [(0.9, 20), (6.0, 4), (60.0, 1)])
def test_of_a_slow_function_a_few_calls_are_timed(sums: tuple[Record, ...], seconds: float, calls: int) -> None:
    """For some twenty seconds and the call that is under way then; each is told of."""
    told: list[Call] = []
    found = measure_calls(
        FakeRewardFunction(handler_for(lambda _element: 1.0), duration_ms=1e3 * seconds),
        sums,
        settings=Settings(),
        model="openai.gpt-oss-20b",
        run=Hyperparameters(),
        is_remote=False,
        on_call=told.append,
    )
    assert (found.calls, found.is_cut_short, len(told)) == (calls, calls < 20, calls)


def test_a_function_that_is_not_run_at_all_cannot_be_timed(sums: tuple[Record, ...]) -> None:
    """The reason is Lambda's."""

    class Busy(FakeRewardFunction):
        def invoke(self, event: bytes) -> Invocation:
            raise Throttled(reason=f"no room for {len(event)} bytes")

    with pytest.raises(MeasurementError):
        measure_calls(
            Busy(handler_for(lambda _element: 1.0)),
            sums,
            settings=Settings(),
            model="openai.gpt-oss-20b",
            run=Hyperparameters(),
            is_remote=False,
        )


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (
            handler_for(lambda element: element["nothing"]),
            "it gives no usable score: KeyError: 'nothing'. `rft-sim doctor`",
        ),
        (lambda _event: {}, "it gives no usable score: the response is an object, not a list. `rft-sim doctor`"),
    ],
    ids=["raises", "answers in another form"],
)
def test_the_time_of_a_function_that_fails_is_no_measurement(
    sums: tuple[Record, ...], handler: Handler, said: str
) -> None:
    """To fail takes no time at all."""
    patient = FakeRewardFunction(handler)
    with pytest.raises(MeasurementError) as error:
        measure_calls(
            patient, sums, settings=Settings(), model="openai.gpt-oss-20b", run=Hyperparameters(), is_remote=False
        )
    assert (str(error.value).startswith(said), patient.calls) == (True, 1)


def test_a_call_that_runs_into_the_time_out_took_that_long(sums: tuple[Record, ...]) -> None:
    """That is what E4 is to be told."""

    def handler(_event: object) -> None:
        raise type(TIMEOUT_ERROR_TYPE, (Exception,), {})("Task timed out")

    found = measure_calls(
        FakeRewardFunction(handler, timeout=3, duration_ms=3000.0),
        sums,
        settings=Settings(),
        model="openai.gpt-oss-20b",
        run=Hyperparameters(),
        is_remote=False,
    )
    assert found.p95_seconds == 3.0


# What is warned of


@pytest.mark.parametrize(("train", "n_epochs"), [(4, 1), (80, 1), (84, 1), (267, 1), (4, 50)])
def test_checkpoints_are_counted_as_a_run_keeps_them(train: int, n_epochs: int) -> None:
    """With no list of them."""
    assert count_checkpoints(plan(train, n_epochs=n_epochs)) == len(plan(train, n_epochs=n_epochs).checkpoint_steps)


def plan(train: int, *, batch_size: int = 4, n_epochs: int = 1) -> TrainingPlan:
    """Return the plan of a run on so many records."""
    return TrainingPlan(train=tuple(range(1, train + 1)), held_out=(), batch_size=batch_size, n_epochs=n_epochs, seed=0)


SOUND = PlannedRun(
    batch_size=4,
    train=400,
    held_out=100,
    plan=plan(400),
    rollouts_per_prompt=8,
    temperature=1.0,
    timeout=300.0,
    p95=0.5,
)


def severities(findings: Sequence[Finding]) -> dict[str, str]:
    """Return each caution's severity."""
    return {finding.probe: finding.severity.value for finding in findings}


def test_a_sound_run_is_fine_in_all() -> None:
    """Each caution says so."""
    assert severities(check_run(SOUND)) == {f"E{number}": "ok" for number in range(1, 7)}


@pytest.mark.parametrize(("steps", "severity"), [(9, "fail"), (10, "warn"), (49, "warn"), (50, "ok")])
def test_too_few_steps_are_told(steps: int, severity: str) -> None:
    """Fewer than 10 fail, fewer than 50 are warned of."""
    few = replace(SOUND, batch_size=4, train=steps * 4, plan=plan(steps * 4))
    assert severities(check_run(few))["E1"] == severity


def test_the_fix_for_too_few_steps_gives_enough() -> None:
    """Either way that is named."""
    few = replace(SOUND, batch_size=64, train=270, plan=plan(270, batch_size=64))
    assert check_run(few)[0].fix == "Take --batch-size 5 or --epochs 13 for 50 steps."
    assert plan(270, batch_size=5).total_steps >= 50
    assert plan(270, batch_size=64, n_epochs=13).total_steps >= 50


def test_a_batch_that_is_larger_than_the_file_fails() -> None:
    """And what rests on steps cannot be told."""
    assert severities(check_run(replace(SOUND, batch_size=500, plan=None))) == {
        "E1": "not measured",
        "E2": "fail",
        "E3": "ok",
        "E4": "ok",
        "E5": "not measured",
        "E6": "ok",
    }


@pytest.mark.parametrize(("rollouts", "temperature"), [(1, 1.0), (8, 0.0)])
def test_groups_that_cannot_differ_fail(rollouts: int, temperature: float) -> None:
    """One rollout, or all of them alike."""
    alike = replace(SOUND, rollouts_per_prompt=rollouts, temperature=temperature)
    assert severities(check_run(alike))["E3"] == "fail"


@pytest.mark.parametrize(
    ("timeout", "p95", "severity"),
    [
        (10.0, 5.0, "ok"),
        (10.0, 5.1, "fail"),
        (None, 1.5, "ok"),
        (None, 1.6, "warn"),
        (10.0, None, "not measured"),
    ],
)
def test_a_time_out_has_room_for_twice_the_p95(timeout: float | None, p95: float | None, severity: str) -> None:
    """Where none is given Lambda's own 3 seconds are taken, as a warning."""
    assert severities(check_run(replace(SOUND, timeout=timeout, p95=p95)))["E4"] == severity


@pytest.mark.parametrize(
    ("train", "n_epochs", "severity"), [(400, 1, "ok"), (402, 1, "info"), (43, 1, "warn"), (43, 9, "ok")]
)
def test_records_that_are_never_trained_on_are_told(train: int, n_epochs: int, severity: str) -> None:
    """More than one in twenty is a warning; with more epochs each has its turn."""
    some = replace(SOUND, train=train, plan=plan(train, n_epochs=n_epochs))
    assert severities(check_run(some))["E5"] == severity


@pytest.mark.parametrize(("held_out", "severity"), [(0, "info"), (99, "info"), (100, "ok")])
def test_few_held_out_records_are_told(held_out: int, severity: str) -> None:
    """It is no fault of the run's."""
    assert severities(check_run(replace(SOUND, held_out=held_out)))["E6"] == severity


@pytest.mark.parametrize(
    ("intent", "codes"),
    [
        (SOUND, (True, True)),
        (replace(SOUND, held_out=0), (True, True)),
        (replace(SOUND, timeout=None, p95=2.0), (True, False)),
        (replace(SOUND, rollouts_per_prompt=1), (False, False)),
    ],
)
def test_warnings_count_when_strict(intent: PlannedRun, codes: tuple[bool, bool]) -> None:
    """A failure always does, a remark never."""
    assert (findings_pass(check_run(intent), strict=False), findings_pass(check_run(intent), strict=True)) == codes


# The command


def test_the_table_tells_the_run_first_and_then_what_it_rests_on() -> None:
    """The figures, what is warned of, every assumption, and whether to pay."""
    lines = estimate("--data", DATA).stdout.splitlines()
    assert lines[:14] == [
        "Estimate: train.jsonl",
        "openai.gpt-oss-20b, 1 epoch, batches of 4, learning rate x1",
        "",
        "records          270 to train on, 30 held out",
        "steps            67: 67 an epoch; 4 checkpoints, 5 evaluations",
        "rollouts         2,144 to train on, 150 held out",
        "tokens sampled   about 670,000",
        "wall time        35 minutes to 3.5 hours",
        "Lambda calls     268 to train on, 20 held out",
        "at once          up to 4 calls",
        "Lambda time      1.44 to 288 GB-seconds",
        "Lambda cost      less than a cent",
        "log              115 kB, less than a cent",
        "training cost    not counted: its price is not known. --assume training_usd_per_hour=USD counts it",
    ]
    begun = lines.index("--assume                              because")
    assert lines[begun + 1].startswith("rollouts_per_prompt=8                 INFERRED: ")
    assert lines[-1] == "Nothing was found that speaks against this run."


def test_a_run_that_would_be_lost_exits_with_1() -> None:
    """Four steps."""
    done = estimate("--data", DATA, "--batch-size", "64")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (
        1,
        "1 failure, 1 warning: do not pay for this run yet.",
    )


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--strict"], 1)])
def test_a_warning_fails_when_strict(options: list[str], code: int) -> None:
    """33 steps."""
    assert estimate("--data", DATA, "--batch-size", "8", *options).exit_code == code


def test_a_batch_that_is_larger_than_the_file_is_told_with_what_is_assumed() -> None:
    """There are no figures to show."""
    done = estimate("--data", DATA, "--batch-size", "300")
    assert done.exit_code == 1
    assert "Lambda calls" not in done.stdout
    assert "FAIL  E2   batch size: The batch is larger than the file" in done.stdout


def test_a_function_is_timed_where_one_is_given() -> None:
    """E4 is measured, and so are the calls."""
    done = estimate("--data", DATA, "--reward", ROOT / "reward_lambda", "--json", "-")
    told = json.loads(done.stdout)
    by_id = {finding["probe"]: finding["severity"] for finding in told["findings"]}
    assert (by_id["E4"], told["assumptions"]["call_seconds_high"]["mark"]) == ("ok", "MEASURED")


def test_a_function_that_fails_is_not_timed(tmp_path: Path) -> None:
    """Exit code 1, and no figure stands where its failures would have been measured."""
    (tmp_path / "reward.py").write_text("def lambda_handler(event, context):\n    raise KeyError('x')\n")
    done = estimate("--data", DATA, "--reward", tmp_path / "reward.py")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "reward.py cannot be timed: it gives no usable score: KeyError: 'x'" in done.stderr


def test_the_json_holds_what_the_table_shows() -> None:
    """By stable keys."""
    told = json.loads(estimate("--data", DATA, "--json", "-", "--rollouts-per-prompt", "4").stdout)
    assert sorted(told) == [
        *("assumptions", "data", "estimate", "findings", "hyperparameters", "model", "schema_version"),
    ]
    assert (told["estimate"]["rollouts"], told["assumptions"]["rollouts_per_prompt"]["mark"]) == (1_072, "GIVEN")
    assert sorted(finding["page"] for finding in told["findings"]) == [
        f"docs/findings.md#{probe.id.lower()}" for probe in RUN_CHECKS
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--assume", "evaluations=x"], "rft-sim: --assume evaluations=x: 'x' is no number\n"),
        (["--timeout", "nan"], "rft-sim: --timeout nan: Lambda takes 1 to 900 seconds\n"),
        (["--json", str(DATA)], f"rft-sim: --data and --json both name {DATA}: give one of them another file\n"),
        (["--reward", "./nowhere"], "rft-sim: ./nowhere does not exist. Give a folder, a .py file, a zip, or a"),
    ],
)
def test_a_mistake_is_told_in_a_line(arguments: list[str], said: str) -> None:
    """And nothing is reckoned."""
    done = estimate("--data", DATA, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
