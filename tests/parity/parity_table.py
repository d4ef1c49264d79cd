"""The README's parity table, written from the code (routes, errors, behaviours) and the tests that show each row.

`python -m tests.parity.parity_table` writes it; `tests/parity/test_parity_table.py` holds it to what it should be.
"""

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

from simulator.errors import CATALOGUE
from simulator.parity.access_rows import ACCESS_ROWS
from simulator.parity.evidence import Evidence
from simulator.parity.fine_tuning_rows import FINE_TUNING_ROWS
from simulator.parity.inference_rows import INFERENCE_ROWS
from simulator.parity.parity_row import ParityRow, Topic
from simulator.routes.route import Route
from simulator.routes.table import ROUTES

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
BEGIN: Final = "<!-- parity: written by `python -m tests.parity.parity_table` -->\n"
END: Final = "<!-- parity ends -->\n"

ROWS: Final = tuple(
    sorted(
        (*ACCESS_ROWS, *FINE_TUNING_ROWS, *INFERENCE_ROWS), key=lambda row: list(Topic).index(row.topic)
    )  # stable within a topic
)

_WORDS: Final = {
    Evidence.DOCUMENTED: "documented by AWS",
    Evidence.SAMPLE: "Amazon's own samples rely on it",
    Evidence.OBSERVED: "others quote a live response",
    Evidence.OPENAI: "OpenAI's specification, to which AWS defers",
    Evidence.INFERRED: "a guess that we had to make",
}

TestsByRow = Mapping[str, list[str]]


def find_marks(path: Path) -> Iterator[str]:
    """Yield the rows that a test module says it shows, by its decorators and its `pytestmark`."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Attribute(attr="shows", value=ast.Attribute(attr="mark")), args=args):
                for argument in args:
                    assert isinstance(argument, ast.Constant), f"{path}:{node.lineno}: a mark names its row literally"
                    yield str(argument.value)


@cache
def tests_by_row() -> TestsByRow:
    """Return, by row, the test modules that show it, in alphabetical order."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "tests").rglob("test_*.py"):
        for row in find_marks(path):
            found[row].add(path.relative_to(ROOT).as_posix())
    return {row: sorted(paths) for row, paths in found.items()}


def row_names() -> set[str]:
    """Return the name of every row that a test can show."""
    return {route_name(route) for route in public_routes()} | {row.id for row in ROWS}


def public_routes() -> list[Route]:
    """Return the routes that a client of Bedrock's can reach."""
    return [route for route in ROUTES if route.action]


def route_name(route: Route) -> str:
    """Return how a route is called in a mark and in the table."""
    return f"{route.method} {route.path.replace(':path', '')}"


def is_inferred(row: ParityRow) -> bool:
    """Whether nobody has told of this of Bedrock."""
    return row.evidence == (Evidence.INFERRED,)


def is_known(row: ParityRow) -> bool:
    """Whether somebody has."""
    return bool(row.evidence) and not is_inferred(row)


def render_section() -> str:
    """Return the whole section between the two comments."""
    shown = tests_by_row()
    parts = (
        _marks(),
        _overview(),
        _guesses(shown),
        _collapsible("What is known of Bedrock", _known(shown)),
        _collapsible("What a run of the tests shows beside", _shown_here(shown)),
        _collapsible(f"The {len(public_routes())} routes", _routes(shown)),
        _collapsible(f"The {len(CATALOGUE)} errors, each with its source", _errors()),
    )
    return "\n".join(line for part in parts for line in (*part, ""))


def _marks() -> Iterator[str]:
    counted = dict.fromkeys(Evidence, 0)
    claims = [row.evidence for row in ROWS if row.evidence] + [(route.evidence,) for route in public_routes()]
    for marks in claims:
        counted[max(marks, key=list(Evidence).index)] += 1
    yield "| mark | means | routes and behaviours that rest on it |"
    yield "|---|---|---|"
    for evidence, words in _WORDS.items():
        yield f"| **{evidence.value}** | {words} | {counted[evidence]} |"


def _overview() -> Iterator[str]:
    yield "| | known | guessed |"
    yield "|---|---|---|"
    known = [route for route in public_routes() if route.evidence is not Evidence.INFERRED]
    guesses = [f"`{route_name(route)}`" for route in public_routes() if route not in known]
    yield f"| **Routes** | {len(known)} of {len(public_routes())} | {', '.join(guesses)} |"
    for topic, group in _by_topic(lambda row: bool(row.evidence)):
        names = [", ".join(_name(row) for row in group if kind(row)) for kind in (is_known, is_inferred)]
        yield f"| **{topic}** | {' | '.join(names)} |"


def _guesses(shown: TestsByRow) -> Iterator[str]:
    yield "What is guessed, and what is done here:"
    yield ""
    yield "| nobody has told | here | another choice | checked by |"
    yield "|---|---|---|---|"
    for topic, group in _by_topic(is_inferred):
        yield f"| **{topic}** | | | |"
        for row in group:
            yield f"| *{_name(row)}*: {row.bedrock} | {row.simulator} | {_switch(row)} | {_links(shown.get(row.id, []))} |"


def _known(shown: TestsByRow) -> Iterator[str]:
    yield "| Bedrock | known by | here, where there is more to say | checked by |"
    yield "|---|---|---|---|"
    for topic, group in _by_topic(is_known):
        yield f"| **{topic}** | | | |"
        for row in group:
            marks = ", ".join(mark.value for mark in row.evidence)
            here = (
                f"{row.simulator} ({_switch(row)})" if row.simulator and row.setting else row.simulator + _switch(row)
            )
            yield f"| *{_name(row)}*: {row.bedrock} | {marks} | {here} | {_links(shown.get(row.id, []))} |"


def _shown_here(shown: TestsByRow) -> Iterator[str]:
    yield "| claim | checked by |"
    yield "|---|---|"
    for _, group in _by_topic(lambda row: not row.evidence):
        for row in group:
            yield f"| *{_name(row)}*: {row.bedrock} | {_links(shown.get(row.id, []))} |"


def _routes(shown: TestsByRow) -> Iterator[str]:
    yield "| route | under | needs `bedrock-mantle:` | known by | checked by |"
    yield "|---|---|---|---|---|"
    for route in public_routes():
        bases = " · ".join(f"`{base}`" for base in route.prefixes)
        yield (
            f"| `{route_name(route)}` | {bases} | {route.action} | {route.evidence.value} "
            f"| {_links(shown.get(route_name(route), []))} |"
        )


def _errors() -> Iterator[str]:
    yield "| status | `code` | `type` | message | known by | source |"
    yield "|---|---|---|---|---|---|"
    for kind in CATALOGUE.values():
        yield (
            f"| {kind.status} | {kind.code} | {kind.type} | {kind.message} | {kind.evidence.value} | {kind.source} |"
        )


def _collapsible(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"<details><summary><b>{title}</b></summary>"
    yield ""
    yield from lines
    yield ""
    yield "</details>"


def _by_topic(wanted: Callable[[ParityRow], bool]) -> Iterator[tuple[Topic, list[ParityRow]]]:
    for topic, group in groupby(filter(wanted, ROWS), key=lambda row: row.topic):
        yield topic, list(group)


def _name(row: ParityRow) -> str:
    return row.id.replace("-", " ")


def _switch(row: ParityRow) -> str:
    return f"`--set {row.setting}=…`" if row.setting else ""


def _links(paths: Iterable[str]) -> str:
    return ", ".join(f"[{_short(path)}]({path})" for path in paths)


def _short(path: str) -> str:
    return Path(path).stem.removeprefix("test_").removeprefix("contract_").replace("_", " ")


def update_readme(readme: str) -> str:
    """Return the README with the section written anew."""
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    return head + BEGIN + render_section() + END + tail


if __name__ == "__main__":
    README.write_text(update_readme(README.read_text()))
