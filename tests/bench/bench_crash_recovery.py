"""Power cuts: `python -m tests.bench.bench_crash_recovery`. Takes some ten minutes; asserts nothing, prints one table.

Twenty jobs, 200 times kill -9 at moments that a seed draws, and somebody who uses the simulator meanwhile: see
`tests/end_to_end/crash_recovery.py`.
"""

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.end_to_end.crash_recovery import run_crash_test


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--jobs", type=int, default=20)
    options.add_argument("--records", type=int, default=300)
    options.add_argument("--longest", type=float, default=3.0, help="seconds that a life lasts at most")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run_crash_test(
            Path(folder),
            kills=chosen.kills,
            jobs=chosen.jobs,
            records=chosen.records,
            longest=chosen.longest,
            seed=chosen.seed,
        )
    table = Table(title="Power cuts", title_justify="left", box=None, header_style="bold")
    for column in ("what", "measured"):
        table.add_column(column, no_wrap=True)
    table.add_row("kill -9, jobs", f"{outcome.kill_count}, {outcome.job_count}")
    table.add_row("logs that differ from those of an undisturbed run", str(len(outcome.differing)))
    table.add_row(
        "losses, of files, objects and functions acknowledged", f"{len(outcome.lost)} of {outcome.acknowledged_count}"
    )
    table.add_row("steps that a grader was asked for again", str(len(outcome.regraded_steps)))
    table.add_row("in", f"{outcome.seconds:.0f} s")
    console = Console(width=100)
    console.print(table)
    for name in (*outcome.differing, *outcome.lost, *outcome.regraded_steps):
        console.print(name)


if __name__ == "__main__":
    main()
