"""Measures how much the doctor's findings depend on its seed, and how long the parts of a run take.

    python -m tests.bench.bench_doctor_seeds [--gallery NAME]... [--seeds N] [--sound-runs N] [--only NAME]...

Every reward function of a gallery (`fixtures/gallery/`) really runs, as a package in Lambda workers, with a whole
doctor run for each seed. Prints tables. Seconds depend on the machine, so compare the parts of a run with each other.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Probe, Severity
from simulator.doctor.loading import LoadError, load_reward_function
from simulator.doctor.probe_context import ProbeContext, ProbeFunction
from simulator.doctor.probe_runner import run_probes
from simulator.doctor.probes.registry import STATIC_PROBES, TRAINING_PROBES
from simulator.doctor.simulated_training import simulate_training
from simulator.doctor.training_trace import StepCallback
from simulator.settings import Settings
from simulator.training.dataset import DatasetLimits, Record, read_records
from simulator.training.hyperparameters import Hyperparameters
from tests.bench.reward_cases import GALLERIES, PROMPTS, ROOT, RewardCase, gallery_folders, load_cases

REWARD_LAMBDA = ROOT / "reward_lambda"
MODEL = "openai.gpt-oss-20b"
STEPS = 67
TIMEOUT = 10  # seconds: a reward that is broken by being slow would take the usual 300 for each call

Found = tuple[str, Severity]


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryResult:
    """What runs with several seeds found: a set of (probe, severity) for each."""

    reward: RewardCase
    runs: tuple[frozenset[Found], ...]

    def worst(self, parts: str) -> list[Severity]:
        """Return the worst severity of each run among probes whose ids begin with one of the letters."""
        return [
            min(
                (severity for probe, severity in findings if probe[0] in parts),
                key=lambda severity: severity.rank,
                default=Severity.OK,
            )
            for findings in self.runs
        ]

    def ids(self, parts: str, severity: Severity) -> str:
        """Return the ids of the probes with this severity, each with its count unless every run has it."""
        counts = Counter(
            probe for findings in self.runs for probe, found in findings if found is severity and probe[0] in parts
        )
        return " ".join(
            probe if count == len(self.runs) else f"{probe}({count})"
            for probe, count in sorted(counts.items(), key=lambda entry: (entry[0][0], int(entry[0][1:])))
        )


def load_records(data: Path) -> tuple[Record, ...]:
    """Read a data file."""
    with data.open("rb") as stream:
        return read_records(stream, DatasetLimits(min_records=1))


def run_doctor(
    reward: RewardCase,
    *,
    seed: int,
    static: Sequence[tuple[Probe, ProbeFunction]] = STATIC_PROBES,
    on_step: StepCallback = lambda _variant, _step, _steps: None,
) -> DoctorReport:
    """Run every probe on the real function."""
    with load_reward_function(str(reward.reward), wall_clock=time.time, timeout=TIMEOUT) as function:
        context = ProbeContext(
            reward_function=function,
            records=load_records(reward.data),
            settings=Settings(seed=seed),
            model=MODEL,
            hyperparameters=Hyperparameters(),
        )
        return run_probes(
            context,
            data_name=reward.data.name,
            data_sha256="",
            static_probes=static,
            training_probes=TRAINING_PROBES,
            simulate_training=lambda ctx, _on_step: simulate_training(ctx, on_step=on_step),
        )


def find_problems(reward: RewardCase, *, seed: int) -> frozenset[Found]:
    """Return what a run found; a function that cannot be loaded has failed S1."""
    try:
        result = run_doctor(reward, seed=seed)
        findings = result.findings
        if not result.traces:  # the static probes ended the run; run the training probes too
            findings += run_doctor(reward, seed=seed, static=()).findings
    except LoadError as error:
        print(f"{reward.name}: {error}", file=sys.stderr)
        return frozenset({("S1", Severity.FAIL)})
    return frozenset((finding.probe, finding.severity) for finding in findings)


def evaluate_gallery(rewards: Iterable[RewardCase], *, seeds: int) -> Iterator[GalleryResult]:
    """Run the doctor on each reward with each seed."""
    for reward in rewards:
        gallery_result = GalleryResult(
            reward=reward, runs=tuple(find_problems(reward, seed=seed) for seed in range(seeds))
        )
        print(f"{reward.name}: {', '.join(severity.value for severity in gallery_result.worst('ST'))}", file=sys.stderr)
        yield gallery_result


def print_results(console: Console, results: Sequence[GalleryResult], *, gallery: str, seeds: int) -> None:
    """Print a gallery's table, with the shares of broken rewards detected and of sound rewards flagged."""
    table = Table(title=f"{gallery}: {seeds} seeds each", title_justify="left", box=None, header_style="bold")
    for column in ("reward", "", "static: failed", "warned", "training: failed", "warned", "expected, not found"):
        table.add_column(column)
    for gallery_result in results:
        flagged = {
            probe for one in gallery_result.runs for probe, severity in one if severity.rank <= Severity.WARN.rank
        }
        table.add_row(
            gallery_result.reward.name,
            "sound" if gallery_result.reward.sound else "broken",
            gallery_result.ids("S", Severity.FAIL),
            gallery_result.ids("S", Severity.WARN),
            gallery_result.ids("T", Severity.FAIL),
            gallery_result.ids("T", Severity.WARN),
            " ".join(probe for probe in gallery_result.reward.expected if probe not in flagged),
        )
    console.print(table)
    summary = Table(box=None, header_style="bold")
    for column in ("", "static", "training", "whole run"):
        summary.add_column(column)
    for sound, severity, title in (
        (False, Severity.FAIL, "broken, failed"),
        (False, Severity.WARN, "broken, failed or warned"),
        (True, Severity.FAIL, "sound, failed"),
        (True, Severity.WARN, "sound, failed or warned"),
    ):
        some = [gallery_result for gallery_result in results if gallery_result.reward.sound is sound]
        cells = []
        for parts in ("S", "T", "ST"):
            worst = [one for gallery_result in some for one in gallery_result.worst(parts)]
            cells.append(f"{sum(one.rank <= severity.rank for one in worst)} of {len(worst)} runs")
        summary.add_row(title, *cells)
    console.print(summary)


def print_false_alarms(console: Console, rewards: Sequence[RewardCase], *, runs: int) -> None:
    """Run the doctor on sound rewards in turn, with a new seed for each round, and print their findings."""
    sound = [reward for reward in rewards if reward.sound]
    if not sound or not runs:
        return
    alarms: Counter[tuple[Severity, str, str]] = Counter()
    flagged: Counter[Severity] = Counter()
    for run, reward in enumerate(islice(cycle(sound), runs)):
        problems = {
            entry
            for entry in find_problems(reward, seed=100 + run // len(sound))
            if entry[1].rank <= Severity.WARN.rank
        }
        alarms.update((severity, probe, reward.name) for probe, severity in problems)
        flagged.update({severity for _, severity in problems})
    console.print(
        f"{runs} seeded runs of {len(sound)} sound rewards: {flagged[Severity.FAIL]} with a failure, "
        f"{flagged[Severity.WARN]} with a warning"
    )
    for (severity, probe, name), count in sorted(alarms.items()):
        console.print(f"  {severity.value} {probe} of {name}: {count}")


def print_costs(console: Console, *, rounds: int) -> None:
    """Print the time of a run on our own reward function on 300 rows."""
    reward = RewardCase(
        collection="", name="reward_lambda", reward=REWARD_LAMBDA, data=PROMPTS / "train.jsonl", sound=True
    )
    static, total, per_step = [], [], []
    result = run_doctor(reward, seed=0)
    marks: list[float] = []
    for seed in range(rounds):
        marks.clear()
        start = time.perf_counter()
        run_doctor(reward, seed=seed, on_step=lambda _variant, _step, _steps: marks.append(time.perf_counter()))
        end = time.perf_counter()
        static.append(marks[0] - start)
        total.append(end - start)
        per_step.append((end - marks[0]) / len(marks))
    steps = ", ".join(f"{run.name} {run.steps}" for run in result.traces)
    per_variant = STEPS * median(per_step)
    console.print(
        f"Our own reward on {result.record_count} rows, medians of {rounds} runs, {result.call_count} calls each:\n"
        f"  static probes {median(static):.2f} s; whole run {median(total):.2f} s, "
        f"{median(total) / median(static):.1f} times as long\n"
        f"  four runs of {STEPS} steps {4 * per_variant:.2f} s (steps taken: {steps})"
    )
    problems = [finding for finding in result.findings if finding.severity.rank <= Severity.WARN.rank]
    console.print(
        "  found: " + (", ".join(f"{finding.probe} {finding.severity.value}" for finding in problems) or "nothing")
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gallery", action="append", help="a folder of fixtures/gallery; by default all of them")
    parser.add_argument("--seeds", type=int, default=3, help="runs for each reward")
    parser.add_argument("--sound-runs", type=int, default=40, help="runs of sound rewards")
    parser.add_argument("--rounds", type=int, default=5, help="runs that are timed; 0 times none")
    parser.add_argument("--only", action="append", help="rewards by name")
    chosen = parser.parse_args()
    console = Console(width=150)
    galleries = chosen.gallery or [folder.name for folder in gallery_folders()]
    every: list[RewardCase] = []
    for gallery in galleries:
        rewards = [
            reward for reward in load_cases(GALLERIES / gallery) if not chosen.only or reward.name in chosen.only
        ]
        print_results(console, list(evaluate_gallery(rewards, seeds=chosen.seeds)), gallery=gallery, seeds=chosen.seeds)
        every += [replace(reward, name=f"{gallery}/{reward.name}") for reward in rewards]
    print_false_alarms(console, every, runs=chosen.sound_runs)
    if chosen.rounds:
        print_costs(console, rounds=chosen.rounds)


if __name__ == "__main__":
    main()
