"""Measures training on recorded responses of GSM8K problems.

`python -m tests.bench.bench_recorded_responses [FILE]` prints a table.
"""

import sys
from pathlib import Path
from time import perf_counter

from simulator.training.dataset import DatasetLimits, read_records
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_run import prepare_run
from tests.bench.bench_training import DEFAULT, SEEDS, summary
from tests.training import reward_functions as graders
from tests.training.recorded_responses import record_responses, run_to_end
from tests.training.training_runs import GPT, mean


def main(path: Path) -> None:
    """Print the figures: untrained and best of the records, then curves, learning rates and numbers of records."""
    with path.open("rb") as stream:
        records = read_records(stream, DatasetLimits())
    recorded = record_responses(records)
    rewards = [[graders.strict_hash(record, response.text) for response in recorded[record.line]] for record in records]
    print(f"untrained {mean([mean(one) for one in rewards]):.3f}, best of 16 {mean([max(one) for one in rewards]):.3f}")
    for multiplier in (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0):
        settings = Hyperparameters(learning_rate_multiplier=multiplier)
        runs = [
            run_to_end(
                prepare_run(records, model=GPT, hyperparameters=settings, seed=seed, recorded_responses=recorded),
                graders.strict_hash,
            )
            for seed in SEEDS
        ]
        last = [mean(run.rewards()[-10:]) for run in runs]
        entropy = mean([mean([step.metrics.actor_entropy for step in run.outcomes[-10:]]) for run in runs])
        print(f"learning rate x{multiplier}: last ten {mean(last):.3f}, entropy {entropy:.2f}; {summary(runs[0])}")
    for grader in (graders.lenient, graders.inverted, graders.always_one, graders.longer_is_better):
        start = perf_counter()
        run = prepare_run(records, model=GPT, hyperparameters=Hyperparameters(), seed=1, recorded_responses=recorded)
        print(f"{grader.__name__}: {summary(run_to_end(run, grader))} in {perf_counter() - start:.2f} s")
    for count in (4, 8, 32):
        few = record_responses(records, count=count)
        run = prepare_run(records, model=GPT, hyperparameters=Hyperparameters(), seed=1, recorded_responses=few)
        print(f"{count} responses a prompt: {summary(run_to_end(run, graders.strict_hash))}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT)
