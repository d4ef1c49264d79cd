"""How a visit goes, on a terminal's standard error: what is being asked, and how often the function was invoked."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from simulator.doctor.duration_estimate import DurationEstimate
from simulator.doctor.finding import Probe
from simulator.doctor.invocation import Call
from simulator.doctor.probe_runner import ProgressListener


class LineProgress(ProgressListener):
    """Says in a line when a visit is going to be long, and nothing else."""

    def __init__(self, console: Console, estimate: DurationEstimate) -> None:
        self._console = console
        self._outlook = estimate

    def on_call(self, call: Call, /) -> None:
        """Tell how long all the calls are going to take, where it is time to."""
        if said := self._outlook.record_call(call):
            self._console.print(said, markup=False, highlight=False, soft_wrap=True)


class BarProgress(LineProgress):
    """Draws what it is told."""

    def __init__(self, progress: Progress, task: TaskID, estimate: DurationEstimate) -> None:
        super().__init__(progress.console, estimate)
        self._progress = progress
        self._task = task
        self._calls = 0

    def on_call(self, call: Call, /) -> None:
        """Count an invocation."""
        super().on_call(call)
        self._calls += 1
        self._progress.update(self._task, calls=self._calls)

    def on_probe_start(self, probe: Probe, *, index: int, total: int) -> None:
        """Name the probe, with those that are done."""
        self._progress.update(
            self._task, description=f"{probe.id} {probe.name}", completed=index - 1, total=total, unit="probes"
        )

    def on_training_step(self, trace: str, *, step: int, total: int, calls: int) -> None:
        """Name the rehearsed run, with its steps."""
        self._progress.update(
            self._task, description=f"training {trace}", completed=step, total=total, unit="steps", calls=calls
        )


@contextmanager
def show_progress(console: Console, *, estimate: DurationEstimate) -> Iterator[ProgressListener]:
    """Give a watch that draws a bar on this console, which is gone in the end; off a terminal no more than a line."""
    if not console.is_terminal:
        yield LineProgress(console, estimate)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:.0f} of {task.total:.0f} {task.fields[unit]}, {task.fields[calls]} calls"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield BarProgress(progress, progress.add_task("", total=1, calls=0, unit="probes"), estimate)
