"""Put a module around a function's handler, in a Lambda layer, as the layers of observability vendors do.

The function's configuration names the layer's handler, and an environment variable names the function's own handler,
which the layer imports and calls. The module runs in the function's own process; the doctor never imports it.
"""

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from simulator.doctor.reward_function import LocalRewardFunction, RewardFunction
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.limits import MAX_LAYERS

_READABLE: Final = 0o100644 << 16  # by every user, as Lambda requires


def with_hook(
    spec: FunctionSpec, source: Path, *, version: str, module: str, variables: dict[str, str]
) -> FunctionSpec:
    """Return the function with a hook around its handler, as another version with its own environments.

    Args:
        spec: the function.
        source: the hook's source.
        version: the version of the result.
        module: the hook's name in the layer.
        variables: variables for the hook, with `{handler}` for the function's own handler.
    """
    layer = io.BytesIO()
    entry = zipfile.ZipInfo(f"python/{module}.py")
    entry.external_attr = _READABLE
    with zipfile.ZipFile(layer, "w") as archive:
        archive.writestr(entry, source.read_text("utf-8"))
    return replace(
        spec,
        version=version,
        handler=f"{module}.handler",
        layers=(*spec.layers, layer.getvalue()),
        environment=(
            *spec.environment,
            *((name, value.format(handler=spec.handler)) for name, value in variables.items()),
        ),
    )


def takes_hook(reward_function: RewardFunction) -> bool:
    """Return whether a hook can be added: the function runs here, and it has fewer layers than are allowed."""
    return isinstance(reward_function, LocalRewardFunction) and len(reward_function.spec.layers) < MAX_LAYERS
