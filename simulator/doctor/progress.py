"""Shows the progress of a doctor run on standard error: the plan, the current probe and the number of calls."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from simulator.doctor.finding import Probe
from simulator.doctor.invocation import Call
from simulator.doctor.plan import FULL, Plan
from simulator.doctor.probe_runner import ProgressListener


class LineProgress(ProgressListener):
    """Prints a line for what the first calls show, and for a plan that is not the full one."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_plan(self, plan: Plan, *, cause: str, notices: Sequence[str]) -> None:
        """Print the notices and the plan."""
        lines = [*notices]
        if plan is not FULL:
            lines.append(f"The plan is “{plan.name}”, because {cause}.")
        for line in lines:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class BarProgress(LineProgress):
    """Draws a progress bar."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        super().__init__(progress.console)
        self._progress = progress
        self._task = task
        self._calls = 0

    def on_call(self, call: Call, /) -> None:
        """Show the number of calls."""
        super().on_call(call)
        self._calls += 1
        self._progress.update(self._task, calls=self._calls)

    def on_first_call(self) -> None:
        """Show that the first call runs."""
        self._progress.update(self._task, description="first calls")

    def on_calls(self, done: int, total: int) -> None:
        """Show the calls that are made side by side."""
        self._progress.update(
            self._task, description="calls side by side", completed=done, total=total, unit="calls", calls=done
        )

    def on_probe_start(self, probe: Probe, *, index: int, total: int) -> None:
        """Show the probe, and how many probes are done."""
        self._progress.update(
            self._task, description=f"{probe.id} {probe.name}", completed=index - 1, total=total, unit="probes"
        )

    def on_training_step(self, trace: str, *, step: int, total: int, calls: int) -> None:
        """Show the simulated run and its steps."""
        self._progress.update(
            self._task, description=f"training {trace}", completed=step, total=total, unit="steps", calls=calls
        )


@contextmanager
def show_progress(console: Console) -> Iterator[ProgressListener]:
    """Provide a listener that draws a temporary progress bar. Without a terminal it prints a few lines at most."""
    if not console.is_terminal:
        yield LineProgress(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:.0f} of {task.total:.0f} {task.fields[unit]}, {task.fields[calls]} calls"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield BarProgress(progress, progress.add_task("", total=1, calls=0, unit="probes"))
