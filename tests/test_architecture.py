"""The architecture that a reader can rely on, checked against the syntax tree of every module."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
TOP_LEVEL: Final = ("simulator", "client", "reward_lambda")

# Which other parts of the simulator each part may import. A part may only import parts that come before it.
ALLOWED_IMPORTS: Final[dict[str, set[str]]] = {
    "__init__": set(),
    "clock": set(),
    "ids": set(),
    "store": set(),
    "training": set(),
    "parity": set(),
    "errors": {"parity"},
    "upstream": {"training"},
    "settings": {"training"},
    "http": {"errors", "settings"},
    "identity": {"clock", "errors", "http", "ids", "settings", "store"},
    "lambdas": {"http", "identity", "settings", "store"},
    "grading": {"http", "settings", "training"},
    "jobs": {"clock", "grading", "http", "ids", "settings", "store", "training", "upstream"},
    "aws": {"grading", "http", "identity", "ids", "jobs", "lambdas", "settings", "store"},
    "inference": {"errors", "ids", "settings", "store", "training", "upstream"},
    "wire": {"clock", "errors", "http", "inference", "jobs", "settings", "store", "training"},
    "responses": {"clock", "errors", "ids", "inference", "settings", "store", "training", "wire"},
    "faults": {"clock", "errors", "http", "identity", "inference", "jobs", "responses", "settings", "wire"},
    "verdict": {"http", "identity", "ids", "jobs", "settings", "store", "wire"},
    "doctor": {"grading", "http", "identity", "ids", "lambdas", "parity", "settings", "training", "upstream"},
    "routes": {
        *("clock", "errors", "faults", "grading", "http", "identity", "ids", "inference", "jobs", "lambdas", "parity"),
        *("responses", "settings", "store", "training", "upstream", "verdict", "wire"),
    },
    "services": {
        *("aws", "errors", "faults", "http", "identity", "ids", "inference", "jobs", "lambdas", "responses", "routes"),
        *("settings", "store", "upstream", "verdict", "wire"),
    },
    "simulator": {"faults", "http", "inference", "lambdas", "routes", "services", "settings", "store", "upstream"},
    "server": {"http", "lambdas", "settings", "simulator"},
    "cli": {
        *("clock", "doctor", "faults", "grading", "http", "identity", "ids", "lambdas", "parity", "server", "settings"),
        *("simulator", "store", "training", "upstream", "verdict"),
    },
    "__main__": {"cli"},
}

MAX_ROOT_MODULES: Final = 8

# Modules that import only the standard library and each other.
STANDARD_LIBRARY_ONLY: Final = (
    *("clock.py", "ids.py", "jobs/job.py", "http/asgi.py", "http/sanitize.py", "http/service_calls.py"),
    *("identity/credentials.py", "identity/sigv4.py", "parity/evidence.py", "training/arithmetic.py"),
)

# Where time, randomness and the environment may enter, with the reason.
ALLOWED: Final[dict[str, set[str]]] = {
    "simulator/cli/serve.py": {"time.time"},
    "simulator/services.py": {"time.time"},
    "simulator/cli/reward_options.py": {"time.time"},
    "simulator/cli/environment.py": {"os.environ"},
    # It replaces these functions for moto. Other users of moto in the same process get the originals.
    "simulator/aws/moto_patches.py": {"datetime.datetime.now", "os.urandom"},
    # It runs in the function's own process, as a Lambda layer, and records what the function reads.
    "simulator/doctor/probes/static/audit_hook.py": {"os.environ", "os.getenv"},
    # It runs in the function's own process, as above, and replaces these functions there.
    "simulator/doctor/probes/static/clock_hook.py": {"os.environ"},
    # It is written beside a user's files as a script, and runs without the simulator.
    "simulator/doctor/report/repro_script.py": {"os.environ"},
    "client/target.py": {"os.environ"},
}

BANNED: Final = {
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


def modules(*folders: str) -> list[Path]:
    """Return every Python module below some folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    """Return a module's path from the root of the project."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a module. Callers must not change it."""
    return ast.parse(path.read_text(), feature_version=(3, 11))


@cache
def imported(path: Path) -> frozenset[str]:
    """Return the dotted name of everything that a module imports, also inside functions."""
    return frozenset(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.ImportFrom(level=level) if level:
                pytest.fail(f"{path}: relative imports hide where a name comes from")


def used(path: Path) -> Iterator[str]:
    """Yield the dotted names that a module refers to, resolved through its imports."""
    names_by_alias: dict[str, str] = {}
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import(names=names):
                names_by_alias |= {alias.asname or alias.name.partition(".")[0]: alias.name for alias in names}
            case ast.ImportFrom(module=str(module), names=names):
                names_by_alias |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in names}
    for node in ast.walk(tree(path)):
        match node:
            case ast.Name(id=name):
                yield names_by_alias.get(name, name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                yield f"{names_by_alias.get(name, name)}.{attribute}"


def part_of(path: Path) -> str:
    """Return which part of the simulator a module belongs to: its package, or the module itself at the root."""
    return path.relative_to(ROOT / "simulator").with_suffix("").parts[0]


def packages() -> set[str]:
    """Return the names of the simulator's packages."""
    return {path.parent.name for path in (ROOT / "simulator").glob("*/__init__.py")}


@pytest.mark.slow
@pytest.mark.parametrize("folder", TOP_LEVEL)
def test_simulator_client_and_reward_lambda_never_import_each_other(folder: str) -> None:
    """They meet at HTTP, at an ARN and in a zip."""
    others = {other for other in TOP_LEVEL if other != folder}
    found = {name_of(path) for path in modules(folder) if {name.partition(".")[0] for name in imported(path)} & others}
    assert found == set()


def test_the_reward_function_needs_only_the_standard_library() -> None:
    """It is deployed without any other package."""
    own = {path.stem for path in modules("reward_lambda")} | {"reward_lambda"}
    roots = {name.partition(".")[0] for path in modules("reward_lambda") for name in imported(path)}
    assert roots <= set(sys.stdlib_module_names) | own


def test_only_the_aws_package_imports_moto() -> None:
    """Everything that depends on moto's internals is in one package."""
    users = {path for path in modules(*TOP_LEVEL) if "moto" in {name.partition(".")[0] for name in imported(path)}}
    assert {name_of(path) for path in users if not path.is_relative_to(ROOT / "simulator" / "aws")} == set()


def test_imports_run_downward() -> None:
    """Each part imports only what `ALLOWED_IMPORTS` names, and that table has no cycle."""
    parts = {part_of(path) for path in modules("simulator")}
    assert set(ALLOWED_IMPORTS) == parts
    order = list(ALLOWED_IMPORTS)
    upward = {part: below - set(order[: order.index(part)]) for part, below in ALLOWED_IMPORTS.items()}
    assert {part: names for part, names in upward.items() if names} == {}
    forbidden = {
        (name_of(path), name)
        for path in modules("simulator")
        for name in imported(path)
        if name.startswith("simulator.")
        and (part := name.split(".")[1]) != part_of(path)
        and part not in ALLOWED_IMPORTS[part_of(path)]
    }
    assert forbidden == set()


def test_the_root_of_the_simulator_holds_few_modules() -> None:
    """Everything else has a package whose name says what it is."""
    root_modules = {path.name for path in (ROOT / "simulator").glob("*.py")} - {"__init__.py"}
    assert len(root_modules) <= MAX_ROOT_MODULES, root_modules


@pytest.mark.parametrize(
    ("folder", "tests", "ids"),
    [
        ("simulator/doctor/probes/static", "tests/doctor", [f"s{number:02}" for number in range(1, 19)]),
        ("simulator/doctor/probes/training", "tests/doctor", [f"t{number:02}" for number in range(1, 15)]),
        ("simulator/verdict/rules", "tests/verdict/rules", [f"c{number}" for number in range(1, 9)]),
    ],
)
def test_each_probe_and_rule_has_a_file_with_its_id_and_a_test_file_of_the_same_name(
    folder: str, tests: str, ids: list[str]
) -> None:
    """`s14_malformed_input.py` holds S14, and `test_s14_malformed_input.py` its tests."""
    stems = sorted(path.stem for path in (ROOT / folder).glob("*.py") if re.match(r"[cst]\d", path.stem))
    assert [stem.partition("_")[0] for stem in stems] == ids
    assert [stem for stem in stems if not (ROOT / tests / f"test_{stem}.py").exists()] == []


@pytest.mark.parametrize("name", STANDARD_LIBRARY_ONLY)
def test_the_lowest_modules_import_only_the_standard_library_and_each_other(name: str) -> None:
    """Every other module may import them."""
    lowest = tuple(f"simulator.{path.removesuffix('.py').replace('/', '.')}" for path in STANDARD_LIBRARY_ONLY)
    others = {module for module in imported(ROOT / "simulator" / name) if not module.startswith(lowest)}
    assert {module.partition(".")[0] for module in others} <= set(sys.stdlib_module_names)


def test_training_imports_only_the_standard_library_and_itself() -> None:
    """It can be read and run alone."""
    outside = {
        (name_of(path), name)
        for path in modules("simulator/training")
        for name in imported(path)
        if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("simulator.training")
    }
    assert outside == set()


@pytest.mark.slow
def test_time_randomness_and_the_environment_enter_only_where_allowed() -> None:
    """Two runs with one seed are equal only if nothing else reads the clock, a random source or the environment."""
    found = {name_of(path): set(used(path)) & BANNED for path in modules(*TOP_LEVEL)}
    assert {name: names for name, names in found.items() if names - ALLOWED.get(name, set())} == {}


def test_a_route_catches_nothing_and_sets_no_status() -> None:
    """A handler has no `try` and no status number: errors become answers in two modules."""
    found = {
        name_of(path)
        for path in modules("simulator/routes")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Try) or (isinstance(node, ast.keyword) and node.arg == "status_code")
    }
    assert found <= {"simulator/routes/api.py", "simulator/routes/aws_not_found.py"}


@pytest.mark.slow
def test_every_module_is_valid_python_3_11() -> None:
    """The oldest Python that pyproject.toml names can read every module."""
    for path in modules(*TOP_LEVEL, "tests", "fixtures"):
        tree(path)
