"""Terminal output: the console, labelled lines, numbers and sparklines."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

_ERROR_PART_BREAKS = re.compile(
    r" (?=for rollout |Response: |\(param: )|(?<= failed: grader_error:) |(?<=[}\]]) (?=[A-Z])"
)
SPARKLINE_BARS = "▁▂▃▄▅▆▇█"


class _EscapingConsole(Console):
    """A console that escapes control characters, because texts may come from a file or a reward function."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Escape every text segment; control segments are the console's own."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(escape_control_characters(segment.text), segment.style)


def open_console(*, stderr: bool = False) -> Console:
    """Return a console on standard output or standard error."""
    stream = sys.stderr if stderr else sys.stdout
    # The encoding of the stream may not have the characters of a sparkline, which must not end the run.
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    return _EscapingConsole(stderr=stderr, highlight=False, soft_wrap=True)


def escape_control_characters(text: str) -> str:
    r"""Return `text` with control and invisible characters as escapes (`\x1b`); line ends and tabs stay."""
    return text if text.isprintable() else "".join(map(_escape_character, text))


def _escape_character(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    return character.encode("unicode_escape").decode()


def write_stdout(text: str) -> None:
    """Write text to standard output: unchanged to a file or a pipe, escaped to a terminal."""
    sys.stdout.write(escape_control_characters(text) if sys.stdout.isatty() else text)


def print_heading(console: Console, text: str) -> None:
    """Print a title line."""
    console.print(Text(text, style="bold"), soft_wrap=True)


def print_field(console: Console, label: str, text: str, *, detail: str = "") -> None:
    """Print a labelled line with a dim detail after it."""
    console.print(
        Text.assemble((f"  {label:<12}", "cyan"), text, (f"  {detail}" if detail else "", "dim")), soft_wrap=True
    )


def print_done(console: Console, label: str, text: str, *, detail: str = "") -> None:
    """Print a completed step."""
    line = Text.assemble(("✓ ", "bold green"), f"{label:<12}", text, (f"  {detail}" if detail else "", "dim"))
    console.print(line, soft_wrap=True)


def print_warning(console: Console, text: str) -> None:
    """Print a warning."""
    console.print(Text.assemble(("! ", "bold yellow"), (text, "yellow")), soft_wrap=True)


def print_error(console: Console, text: str, *, next_step: str | None = None) -> None:
    """Print what happened and what to do about it."""
    if console.is_terminal:
        # The error of a grader is long: the rollout, the reason and the response get a line each.
        text = _ERROR_PART_BREAKS.sub("\n  ", text)
    console.print(Text.assemble(("✗ ", "bold red"), (text, "red")), soft_wrap=True)
    if next_step:
        console.print(Text.assemble(("→ ", "bold"), next_step), soft_wrap=True)


def confirm(console: Console, question: str) -> bool:
    """Ask a yes-or-no question at a terminal. True only for y or yes."""
    try:
        # Rich would drop [y/N] as markup.
        answer = console.input(f"{question} [y/N] ", markup=False)
    except EOFError:
        return False
    return answer.strip().lower() in {"y", "yes"}


def shorten(text: str, *, max_length: int) -> str:
    """Return `text`, or its first words and an ellipsis, in at most `max_length` characters."""
    return (
        text if len(text) <= max_length else f"{text[: max_length - 1].rpartition(' ')[0] or text[: max_length - 1]}…"
    )


def format_count(number: int, noun: str) -> str:
    """Return `1 row`, `300 rows`, `20,000 rows`; `2 batches`."""
    plural = noun + ("es" if noun.endswith(("tch", "s", "x")) else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def format_size(size: int) -> str:
    """Return a size in bytes as B, kB or MB."""
    if size < 1000:  # noqa: PLR2004 - bytes per kB
        return f"{size} B"
    return f"{size / 1e3:.1f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"  # noqa: PLR2004 - see above


def sparkline(values: Sequence[float], *, width: int) -> str:
    """Return bars for `values`, averaged into at most `width` columns.

    Values between 0 and 1 use that scale, so that a constant high reward stays high; others use their own range.
    """
    if not values:
        return ""
    columns = min(width, len(values))
    edges = [round(index * len(values) / columns) for index in range(columns + 1)]
    means = [sum(values[start:end]) / (end - start) for start, end in pairwise(edges)]
    low, high = (0.0, 1.0) if min(values) >= 0.0 and max(values) <= 1.0 else (min(means), max(means))
    span = high - low or 1.0
    return "".join(
        SPARKLINE_BARS[min(len(SPARKLINE_BARS) - 1, int((mean - low) / span * len(SPARKLINE_BARS)))] for mean in means
    )
