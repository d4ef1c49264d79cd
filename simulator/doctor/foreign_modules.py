"""Compiled modules that explain a failed import, and whether the function can be judged on this machine at all."""

from simulator.doctor.reward_function import RewardFunction
from simulator.lambdas.compiled_modules import UnloadableModules


def find_foreign_modules(error: str, reward_function: RewardFunction) -> UnloadableModules | None:
    """Return the compiled modules that may explain an error of a call, or None. `error` starts with its type."""
    error_type, _, message = error.partition(":")
    return reward_function.modules_behind_error(error_type, message)


def reason_not_judged(error: str, reward_function: RewardFunction) -> str:
    """Return why an error is not the function's fault: Lambda can load its modules, and this machine cannot. Or ""."""
    modules = find_foreign_modules(error, reward_function)
    return str(modules) if modules and modules.loads_at_aws else ""
