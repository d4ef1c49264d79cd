"""How a visit goes, on a terminal's standard error: what is being asked, and how often the function was invoked."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from simulator.doctor.doctor_report import Watch
from simulator.doctor.duration_estimate import Outlook
from simulator.doctor.finding import Probe
from simulator.doctor.invocation import Call


class Line(Watch):
    """Says in a line when a visit is going to be long, and nothing else."""

    def __init__(self, console: Console, outlook: Outlook) -> None:
        self._console = console
        self._outlook = outlook

    def called(self, call: Call, /) -> None:
        """Tell how long all the calls are going to take, where it is time to."""
        if said := self._outlook.after(call):
            self._console.print(said, markup=False, highlight=False, soft_wrap=True)


class Bar(Line):
    """Draws what it is told."""

    def __init__(self, progress: Progress, task: TaskID, outlook: Outlook) -> None:
        super().__init__(progress.console, outlook)
        self._progress = progress
        self._task = task
        self._calls = 0

    def called(self, call: Call, /) -> None:
        """Count an invocation."""
        super().called(call)
        self._calls += 1
        self._progress.update(self._task, calls=self._calls)

    def probing(self, probe: Probe, *, place: int, of: int) -> None:
        """Name the probe, with those that are done."""
        self._progress.update(
            self._task, description=f"{probe.id} {probe.name}", completed=place - 1, total=of, unit="probes"
        )

    def trained(self, course: str, *, step: int, of: int, calls: int) -> None:
        """Name the rehearsed run, with its steps."""
        self._progress.update(
            self._task, description=f"training {course}", completed=step, total=of, unit="steps", calls=calls
        )


@contextmanager
def shown(console: Console, *, outlook: Outlook) -> Iterator[Watch]:
    """Give a watch that draws a bar on this console, which is gone in the end; off a terminal no more than a line."""
    if not console.is_terminal:
        yield Line(console, outlook)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:.0f} of {task.total:.0f} {task.fields[unit]}, {task.fields[calls]} calls"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(progress, progress.add_task("", total=1, calls=0, unit="probes"), outlook)
