"""Compiled modules that explain a failed import, and whether the function can be judged on this machine at all."""

from simulator.doctor.reward_function import LocalRewardFunction, RewardFunction
from simulator.lambdas.compiled_modules import IMPORT_ERRORS, UnloadableModules, find_unloadable_modules


def find_foreign_modules(error: str, reward_function: RewardFunction) -> UnloadableModules | None:
    """Return the compiled modules that may explain an error of a call, or None. `error` starts with its type."""
    if not isinstance(reward_function, LocalRewardFunction) or error.partition(":")[0] not in IMPORT_ERRORS:
        return None
    return find_unloadable_modules(reward_function.spec, reward_function.interpreter, named_in=error)


def reason_not_judged(error: str, reward_function: RewardFunction) -> str:
    """Return why an error is not the function's fault: Lambda can load its modules, and this machine cannot. Or ""."""
    modules = find_foreign_modules(error, reward_function)
    return str(modules) if modules and modules.loads_at_aws else ""
