"""Measures training on GSM8K: time and rewards. `python -m tests.bench.bench_training [FILE]` prints a table."""

import sys
from pathlib import Path
from time import perf_counter

from simulator.training.dataset import DatasetLimits, Record, read_records
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_run import (
    evaluate_held_out,
    initial_state,
    prepare_run,
    sample_held_out,
    sample_step,
    train_step,
)
from tests.training import reward_functions as graders
from tests.training.training_runs import GPT, QWEN, FinishedRun, mean, score_groups, train

DEFAULT = Path(__file__).parents[2] / "../shared/data/gsm8k/train.jsonl"
SEEDS = range(1, 6)


def timed_run(records: tuple[Record, ...]) -> dict[str, float]:
    """Train once and return the seconds of each part."""
    spent = dict.fromkeys(("prepare", "sample", "grade", "learn", "evaluate"), 0.0)
    mark = perf_counter()

    def book(part: str) -> None:
        nonlocal mark
        spent[part] += perf_counter() - mark
        mark = perf_counter()

    run = prepare_run(records, model=GPT, hyperparameters=Hyperparameters(), seed=1)
    state = initial_state()
    book("prepare")
    for step in range(run.plan.total_steps + 1):
        if step:
            groups = sample_step(run, state)
            book("sample")
            rewards = score_groups(groups, graders.strict_hash)
            book("grade")
            state = train_step(run, state, groups, rewards).state
            book("learn")
        if step in run.plan.evaluation_steps:
            held_out = sample_held_out(run, state)
            evaluate_held_out(state, held_out, score_groups(held_out, graders.strict_hash))
            book("evaluate")
    return spent


def summary(training: FinishedRun) -> str:
    """Return a run's first and last ten steps in a line."""
    first, last = training.outcomes[:10], training.outcomes[-10:]

    def ends(name: str, form: str) -> str:
        means = (mean([getattr(outcome.metrics, name) for outcome in part]) for part in (first, last))
        return "->".join(format(value, form) for value in means)

    def truths(name: str) -> str:
        means = (mean([getattr(outcome.ground_truth, name) for outcome in part]) for part in (first, last))
        return "->".join(format(value, ".2f") for value in means)

    held_out = "->".join(f"{training.evaluations[index].reward_mean:.2f}" for index in (0, -1))
    return (
        f"reward {ends('critic_rewards_mean', '.3f')}  quality {truths('quality_mean')}  "
        f"entropy {ends('actor_entropy', '.2f')}  grad {ends('actor_grad_norm', '.1e')}  "
        f"length {ends('response_length_mean', '.0f')}  dead {truths('dead_groups')}  "
        f"exploits {truths('exploits')}  corr {truths('length_reward_correlation')}  held-out {held_out}"
    )


def main(path: Path) -> None:
    """Print the figures."""
    with path.open("rb") as stream:
        records = read_records(stream, DatasetLimits())
    for _ in range(3):
        spent = timed_run(records)
        parts = "  ".join(f"{part} {seconds:.3f}" for part, seconds in spent.items())
        print(f"{sum(spent.values()):.3f} s: {parts}")
    for model in (GPT, QWEN):
        for seed in SEEDS:
            run = train(records, graders.strict_hash, model=model, seed=seed, evaluate=True)
            print(f"{model} strict seed {seed}: {summary(run)}")
    for grader in (graders.lenient, graders.inverted, graders.always_one, graders.longer_is_better):
        print(f"{grader.__name__}: {summary(train(records, grader, evaluate=True))}")
    for multiplier in (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0):
        settings = Hyperparameters(learning_rate_multiplier=multiplier)
        runs = [train(records, graders.strict_hash, hyperparameters=settings, seed=seed) for seed in (1, 2, 3)]
        print(f"learning rate x{multiplier}: last ten {mean([mean(run.rewards()[-10:]) for run in runs]):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT)
