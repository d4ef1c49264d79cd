"""Makes moto keep the `LoggingConfig` of a function, which it ignores.

Importing this module imports moto; only `moto_app` does.
"""

from functools import wraps
from typing import Any

from moto.awslambda.models import LambdaFunction

from simulator.aws.moto_state import current_context
from simulator.lambdas.logging_config import LoggingConfig

_CONFIG = "simulator_logging_config"  # the attribute of moto's function


def install_logging_configs() -> None:
    """Keep and return the logging configuration of every function, of its versions too: moto copies the object."""
    original_init = LambdaFunction.__init__
    original_update = LambdaFunction.update_configuration
    original_get = LambdaFunction.get_configuration

    @wraps(original_init)
    def init(function: LambdaFunction, *arguments: Any, **keywords: Any) -> None:
        original_init(function, *arguments, **keywords)
        spec = keywords["spec"] if "spec" in keywords else arguments[1]
        _update(function, spec.get("LoggingConfig"))

    @wraps(original_update)
    def update(function: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
        _update(function, config_updates.get("LoggingConfig"))
        return original_update(function, config_updates)

    @wraps(original_get)
    def get(function: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
        configuration = original_get(function, on_create)
        if current_context() is not None:  # `mock_aws` keeps moto's own answer
            configuration["LoggingConfig"] = logging_config_of(function).render(group=function.logs_group_name)
        return configuration

    for name, replacement in (("__init__", init), ("update_configuration", update), ("get_configuration", get)):
        setattr(LambdaFunction, name, replacement)


def logging_config_of(function: LambdaFunction) -> LoggingConfig:
    """Return the logging configuration of one of moto's functions."""
    config = vars(function).get(_CONFIG)
    return config if isinstance(config, LoggingConfig) else LoggingConfig()


def _update(function: LambdaFunction, request: Any) -> None:
    if not isinstance(request, dict):  # absent, or a replayed request that an earlier version did not check
        return
    setattr(function, _CONFIG, logging_config_of(function).updated(request))
    if request.get("LogGroup"):
        function.logs_group_name = request["LogGroup"]
