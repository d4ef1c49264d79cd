"""The house rules that a reader can rely on, held against the syntax tree of every module."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
TOP_LEVEL_PACKAGES: Final = ("simulator", "client", "reward_lambda")

# What each part of the simulator imports of the others, from the ground up: only what stands above it in this list.
ALLOWED_IMPORTS: Final[dict[str, set[str]]] = {
    "__init__": set(),
    "asgi": set(),
    "clock": set(),
    "evidence": set(),
    "errors": {"evidence"},
    "parity": {"evidence"},
    "ids": set(),
    "moments": set(),
    "visible": set(),
    "aws_error": set(),
    "protocol": {"asgi"},
    "jobs.job": set(),
    "store": set(),
    "training": set(),
    "upstream": {"training"},
    "settings": {"training"},
    "explained": {"settings"},
    "running": {"settings"},
    "refused": {"errors", "visible"},
    "keys": {"settings"},
    "catalogue": {"settings"},
    "identity": {"asgi", "clock", "errors"},
    "lambdas": {"asgi", "identity"},
    "aws": {"asgi", "aws_error", "identity", "ids", "lambdas", "store"},
    "front_door": {"asgi", "identity", "lambdas"},
    "cloud": {"asgi", "aws", "identity", "lambdas", "settings"},
    "grading": {"settings", "training", "visible"},
    "jobs": {"clock", "grading", "ids", "jobs.job", "moments", "settings", "store", "training", "upstream"},
    "web_pages": {"asgi"},
    "views": {"jobs", "jobs.job", "settings", "store"},
    "projects": {"clock", "errors", "ids", "store"},
    "deployed": {"cloud", "grading", "jobs.job", "lambdas", "settings"},
    "inference": {"catalogue", "errors", "ids", "store", "training", "upstream"},
    "wire": {"errors", "inference", "jobs", "jobs.job", "moments", "settings", "store", "training", "visible"},
    "responses": {"catalogue", "clock", "errors", "ids", "inference", "settings", "store", "training", "wire"},
    "root": {"settings"},
    "faults": {
        *("asgi", "aws_error", "errors", "identity", "inference", "jobs", "jobs.job", "moments", "refused"),
        *("responses", "settings", "wire"),
    },
    "verdict": {"asgi", "identity", "ids", "jobs", "jobs.job", "refused", "settings", "store", "wire"},
    "control": {"faults", "moments", "running", "settings", "verdict", "visible"},
    "doctor": {
        "control",
        "evidence",
        "grading",
        *("ids", "root"),
        "keys",
        "lambdas",
        "running",
        "settings",
        "training",
        "upstream",
        "visible",
    },
    "orders": {"catalogue", "errors", "identity", "ids", "jobs.job", "settings", "store", "training", "wire"},
    "house": {
        *("clock", "faults", "identity", "ids", "inference", "jobs", "projects", "responses", "settings", "store"),
        *("verdict", "views"),
    },
    "routes": {
        *("asgi", "catalogue", "errors", "evidence", "faults", "grading", "house", "identity", "inference", "jobs"),
        *("jobs.job", "orders", "responses", "settings", "store", "training", "verdict", "wire"),
    },
    "api": {
        *("asgi", "errors", "faults", "house", "ids", "jobs", "jobs.job", "refused", "routes", "store"),
        *("upstream", "wire"),
    },
    "rooms": {
        *("api", "asgi", "aws", "catalogue", "cloud", "deployed", "errors", "faults", "front_door", "house"),
        *("identity", "ids", "inference", "jobs", "jobs.job", "lambdas", "projects", "responses", "root", "running"),
        *("settings", "store", "upstream", "verdict", "views", "web_pages", "wire"),
    },
    "app": {"asgi", "catalogue", "faults", "house", "rooms", "settings", "store", "upstream"},
    "server": {"app", "protocol", "settings"},
    "__main__": {
        *("app", "control", "doctor", "explained", "faults", "keys", "moments", "refused", "running"),
        *("server", "settings", "store", "upstream"),
    },
}

# Where time, randomness and the environment may enter, with the reason.
ALLOWED_IMPURE_CALLS: Final[dict[str, set[str]]] = {
    "simulator/__main__.py": {"time.time"},
    "simulator/services.py": {"time.time"},
    "simulator/cli/reward_options.py": {"time.time"},
    "simulator/settings.py": {"os.environ"},
    # It stands between these and moto, which has other users in the process: theirs are passed on as they are.
    "simulator/aws/moto_patches.py": {"datetime.datetime.now", "os.urandom"},
    # It runs in the function's own process, as a layer, and watches what is looked up there.
    "simulator/doctor/probes/static/audit_hook.py": {"os.environ", "os.getenv"},
    "client/target.py": {"os.environ"},
}

BANNED_CALLS: Final = {
    "time.time",
    "time.time_ns",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "os.environ",
    "os.getenv",
    "os.urandom",
    "uuid.uuid1",
    "uuid.uuid4",
    "secrets",
    "random.random",
    "random.randint",
    "random.choice",
    "random.shuffle",
    "random.seed",
    "random.uniform",
    "hash",
}


def find_modules(*packages: str) -> list[Path]:
    """Return every Python module of some rooms."""
    return sorted(path for room in packages for path in (ROOT / room).rglob("*.py"))


@cache
def parse_module(path: Path) -> ast.Module:
    """Return the syntax tree of a module, to be read and left as it is."""
    return ast.parse(path.read_text())


def imported_names(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything that a module imports, wherever in it."""
    for node in ast.walk(parse_module(path)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.ImportFrom(level=level) if level:
                pytest.fail(f"{path}: relative imports hide where a name lives")


def used_names(path: Path) -> Iterator[str]:
    """Yield the dotted names that a module refers to, through the names that its imports gave them."""
    known: dict[str, str] = {}
    for node in ast.walk(parse_module(path)):
        match node:
            case ast.Import(names=names):
                known |= {alias.asname or alias.name.partition(".")[0]: alias.name for alias in names}
            case ast.ImportFrom(module=str(module), names=names):
                known |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in names}
    for node in ast.walk(parse_module(path)):
        match node:
            case ast.Name(id=name):
                yield known.get(name, name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                yield f"{known.get(name, name)}.{attribute}"


def package_of(path: Path) -> str:
    """Return which part of the simulator a module belongs to."""
    inside = path.relative_to(ROOT / "simulator").with_suffix("").parts
    return "jobs.job" if inside == ("jobs", "job") else inside[0]


@pytest.mark.parametrize("room", TOP_LEVEL_PACKAGES)
def test_the_three_rooms_never_import_each_other(room: str) -> None:
    """They meet at HTTP, at an ARN and in a zip."""
    others = {other for other in TOP_LEVEL_PACKAGES if other != room}
    for path in find_modules(room):
        assert not {name.partition(".")[0] for name in imported_names(path)} & others, path


def test_the_reward_function_needs_nothing_but_python() -> None:
    """It is deployed as it stands, with no package beside it."""
    own = {path.stem for path in find_modules("reward_lambda")} | {"reward_lambda"}
    for path in find_modules("reward_lambda"):
        roots = {name.partition(".")[0] for name in imported_names(path)}
        assert roots <= set(sys.stdlib_module_names) | own, path


def test_only_the_aws_room_imports_moto() -> None:
    """What leans on moto's insides stands in one place."""
    for path in find_modules(*TOP_LEVEL_PACKAGES):
        if path.is_relative_to(ROOT / "simulator" / "aws"):
            continue
        assert "moto" not in {name.partition(".")[0] for name in imported_names(path)}, path


@pytest.mark.parametrize("part", ALLOWED_IMPORTS)
def test_nothing_in_the_simulator_imports_upward(part: str) -> None:
    """Each part imports what stands below it, and itself."""
    for path in find_modules("simulator"):
        if package_of(path) != part:
            continue
        inner = [name.split(".") for name in imported_names(path) if name.startswith("simulator.")]
        others = {"jobs.job" if name[1:3] == ["jobs", "job"] else name[1] for name in inner}
        assert others - {part} <= ALLOWED_IMPORTS[part], path


def test_every_part_of_the_simulator_has_its_floor() -> None:
    """And the floors are drawn from the ground up."""
    assert set(ALLOWED_IMPORTS) == {package_of(path) for path in find_modules("simulator")}
    order = list(ALLOWED_IMPORTS)
    for part, below in ALLOWED_IMPORTS.items():
        assert below <= set(order[: order.index(part)]), part


STANDARD_LIBRARY_ONLY: Final = (
    *("asgi.py", "clock.py", "errors.py", "evidence.py", "ids.py", "jobs/job.py", "visible.py"),
    *("identity/credentials.py", "identity/sigv4.py"),
)


@pytest.mark.parametrize("name", STANDARD_LIBRARY_ONLY)
def test_the_ground_floor_needs_the_standard_library_alone(name: str) -> None:
    """What everything rests on rests on nothing."""
    outside = [
        module for module in imported_names(ROOT / "simulator" / name) if "simulator.parity.evidence" not in module
    ]
    assert {module.partition(".")[0] for module in outside} <= set(sys.stdlib_module_names)


def test_training_is_arithmetic_of_the_standard_library() -> None:
    """Closed under imports, so that it can be read and run alone."""
    for path in find_modules("simulator/training"):
        for name in imported_names(path):
            assert name.partition(".")[0] in sys.stdlib_module_names or name.startswith("simulator.training"), path


@pytest.mark.parametrize("path", find_modules(*TOP_LEVEL_PACKAGES), ids=lambda path: str(path.relative_to(ROOT)))
def test_time_chance_and_the_environment_enter_at_the_composition_root(path: Path) -> None:
    """Two runs with one seed are alike only if nothing else reads the clock, a random source or the environment."""
    place = str(path.relative_to(ROOT))
    assert set(used_names(path)) & BANNED_CALLS <= ALLOWED_IMPURE_CALLS.get(place, set())


@pytest.mark.parametrize("path", find_modules("simulator/routes"), ids=lambda path: path.name)
def test_a_route_catches_nothing_and_builds_no_status(path: Path) -> None:
    """No try, no status number and no envelope in a handler: errors are rendered in one place."""
    nodes = list(ast.walk(parse_module(path)))
    assert not [node for node in nodes if isinstance(node, ast.Try)]
    assert not [node for node in nodes if isinstance(node, ast.keyword) and node.arg == "status_code"]


def test_nobody_depends_on_python_3_12_syntax() -> None:
    """The oldest Python that pyproject.toml names can read every module."""
    for path in find_modules(*TOP_LEVEL_PACKAGES, "tests", "fixtures"):
        ast.parse(path.read_text(), feature_version=(3, 11))
