"""Other tools that judge reward functions, by the name of their package."""

from collections.abc import Callable

from tests.bench.rivals.envdoctor import EnvDoctor
from tests.bench.rivals.falsepass import Falsepass

RIVALS: dict[str, Callable[[], Falsepass | EnvDoctor]] = {"falsepass": Falsepass, "rl-envdoctor": EnvDoctor}
