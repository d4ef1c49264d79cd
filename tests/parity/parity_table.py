"""The page docs/parity.md, rendered from the code (routes, errors, rows) and from the marks on the tests.

`python -m tests.parity` writes it; `tests/parity/test_parity_table.py` checks that it is current.
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
from simulator.parity.simulator_rows import SIMULATOR_ROWS
from simulator.parity.training_rows import TRAINING_ROWS
from simulator.parity.wire_rows import WIRE_ROWS
from simulator.routes.route import Route
from simulator.routes.table import ROUTES

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs/parity.md"

ROWS: Final = tuple(
    sorted(
        (*ACCESS_ROWS, *FINE_TUNING_ROWS, *TRAINING_ROWS, *INFERENCE_ROWS, *WIRE_ROWS, *SIMULATOR_ROWS),
        key=lambda row: list(Topic).index(row.topic),  # stable within a topic
    )
)

_INTRODUCTION: Final = """\
<!-- Written by `python -m tests.parity`. Edit the rows in simulator/parity or the marks on the tests. -->

# Parity with Bedrock

The facts come from public material. We have made no call to the real service. Every route, behaviour and error has a
mark that names its evidence. A behaviour that AWS does not document has a row of its own, under
[Not documented by AWS](#not-documented-by-aws): it works here, but Bedrock may be different.
"""

_MARKS: Final = {
    Evidence.DOCUMENTED: "AWS documents it",
    Evidence.SAMPLE: "Amazon's own samples rely on it",
    Evidence.OBSERVED: "third parties quote a live response",
    Evidence.OPENAI: "OpenAI's specification says so, and AWS refers to it",
    Evidence.INFERRED: "our assumption: AWS does not document it",
}

TestsByRow = Mapping[str, list[str]]


def find_marks(path: Path) -> Iterator[str]:
    """Yield the rows that a test module checks, from its decorators and its `pytestmark`."""
    text = path.read_text()
    if "mark.shows(" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Attribute(attr="shows", value=ast.Attribute(attr="mark")), args=args):
                for argument in args:
                    assert isinstance(argument, ast.Constant), f"{path}:{node.lineno}: a mark names its row literally"
                    yield str(argument.value)


@cache
def find_tests() -> TestsByRow:
    """Return, by row, the paths of the test modules that check it, in alphabetical order."""
    paths_by_row: defaultdict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "tests").rglob("test_*.py"):
        for row in find_marks(path):
            paths_by_row[row].add(path.relative_to(ROOT).as_posix())
    return {row: sorted(paths) for row, paths in paths_by_row.items()}


def row_names() -> set[str]:
    """Return the name of every row that a test can check."""
    return {route_name(route) for route in public_routes()} | {row.id for row in ROWS}


def public_routes() -> list[Route]:
    """Return the routes that Bedrock has too."""
    return [route for route in ROUTES if route.action]


def route_name(route: Route) -> str:
    """Return the name of a route in a mark and in the table."""
    return f"{route.method} {route.path.replace(':path', '')}"


def is_inferred(row: ParityRow) -> bool:
    """Whether the row is an assumption."""
    return row.evidence == (Evidence.INFERRED,)


def is_known(row: ParityRow) -> bool:
    """Whether the row has evidence."""
    return bool(row.evidence) and not is_inferred(row)


def render_page() -> str:
    """Return the whole page."""
    tests = find_tests()
    parts = (
        _INTRODUCTION.splitlines(),
        _marks(),
        _section("Overview", _overview()),
        _section("Not documented by AWS", _inferred_rows(tests)),
        _section("Known about Bedrock", _known_rows(tests)),
        _section("Properties of the simulator", _project_rows(tests)),
        _section(f"The {len(public_routes())} routes", _routes(tests)),
        _section(f"The {len(CATALOGUE)} errors", _errors()),
    )
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield from lines


def _marks() -> Iterator[str]:
    counts = dict.fromkeys(Evidence, 0)
    claims = [row.evidence for row in ROWS if row.evidence] + [(route.evidence,) for route in public_routes()]
    for marks in claims:
        counts[max(marks, key=list(Evidence).index)] += 1
    yield "| mark | meaning | routes and behaviours with this mark |"
    yield "|---|---|---|"
    for evidence, meaning in _MARKS.items():
        yield f"| **{evidence.value}** | {meaning} | {counts[evidence]} |"


def _overview() -> Iterator[str]:
    yield "| | known | assumed |"
    yield "|---|---|---|"
    known = [route for route in public_routes() if route.evidence is not Evidence.INFERRED]
    assumed = [f"`{route_name(route)}`" for route in public_routes() if route not in known]
    yield f"| **Routes** | {len(known)} of {len(public_routes())} | {', '.join(assumed)} |"
    for topic, rows in _by_topic(lambda row: bool(row.evidence)):
        names = [", ".join(_name(row) for row in rows if is_kind(row)) for is_kind in (is_known, is_inferred)]
        yield f"| **{topic}** | {' | '.join(names)} |"


def _inferred_rows(tests: TestsByRow) -> Iterator[str]:
    yield "| not documented | the simulator | setting | checked by |"
    yield "|---|---|---|---|"
    for topic, rows in _by_topic(is_inferred):
        yield f"| **{topic}** | | | |"
        for row in rows:
            yield f"| *{_name(row)}*: {row.bedrock} | {row.simulator} | {_setting(row)} | {_links(tests, row.id)} |"


def _known_rows(tests: TestsByRow) -> Iterator[str]:
    yield "| Bedrock | evidence | more about the simulator | checked by |"
    yield "|---|---|---|---|"
    for topic, rows in _by_topic(is_known):
        yield f"| **{topic}** | | | |"
        for row in rows:
            marks = ", ".join(mark.value for mark in row.evidence)
            setting = f"({_setting(row)})" if row.simulator and row.setting else _setting(row)
            simulator = " ".join(filter(None, (row.simulator, setting)))
            yield f"| *{_name(row)}*: {row.bedrock} | {marks} | {simulator} | {_links(tests, row.id)} |"


def _project_rows(tests: TestsByRow) -> Iterator[str]:
    yield "| property | checked by |"
    yield "|---|---|"
    for _, rows in _by_topic(lambda row: not row.evidence):
        for row in rows:
            yield f"| *{_name(row)}*: {row.bedrock} | {_links(tests, row.id)} |"


def _routes(tests: TestsByRow) -> Iterator[str]:
    yield "| route | base paths | permission (without the prefix `bedrock-mantle:`) | evidence | checked by |"
    yield "|---|---|---|---|---|"
    for route in public_routes():
        bases = " · ".join(f"`{base}`" for base in route.prefixes)
        name = route_name(route)
        yield f"| `{name}` | {bases} | {route.action} | {route.evidence.value} | {_links(tests, name)} |"


def _errors() -> Iterator[str]:
    yield "| status | `code` | `type` | message | evidence | source |"
    yield "|---|---|---|---|---|---|"
    for kind in CATALOGUE.values():
        yield (
            f"| {kind.status} | {kind.code} | {kind.type} | {kind.message} | {kind.evidence.value} | {kind.source} |"
        )


def _by_topic(is_included: Callable[[ParityRow], bool]) -> Iterator[tuple[Topic, list[ParityRow]]]:
    for topic, rows in groupby(filter(is_included, ROWS), key=lambda row: row.topic):
        yield topic, list(rows)


def _name(row: ParityRow) -> str:
    return row.id.replace("-", " ")


def _setting(row: ParityRow) -> str:
    return f"`--set {row.setting}=…`" if row.setting else ""


def _links(tests: TestsByRow, row: str) -> str:
    return ", ".join(f"[{_title(path)}](../{path})" for path in tests.get(row, []))


def _title(path: str) -> str:
    return Path(path).stem.removeprefix("test_").removeprefix("contract_").replace("_", " ")
