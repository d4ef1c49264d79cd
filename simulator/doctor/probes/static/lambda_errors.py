"""Fixes for Lambda's own errors: a function that does not start, does not end, or returns what Lambda cannot send."""

from simulator.doctor.reward_function import RewardFunction
from simulator.grading.lambda_failure import TIMEOUT_ERROR_TYPE, LambdaFailure


def lambda_error_fix(failure: LambdaFailure, reward_function: RewardFunction) -> str:
    """Return the fix for one of Lambda's own errors; empty for an exception of the function."""
    handler = f", now {reward_function.spec.handler}," if reward_function.spec else ""
    match failure.type:
        case "Runtime.ImportModuleError":
            return (
                "Put every package that it imports into the zip, at its root, beside the module that the handler"
                f"{handler} names before the dot. Lambda provides only boto3."
            )
        case "Runtime.HandlerNotFound" | "Runtime.MalformedHandlerName":
            return f"Set the handler{handler} to MODULE.FUNCTION of the function that scores."
        case "Runtime.UserCodeSyntaxError":
            return "Correct that line."
        case str() as kind if kind == TIMEOUT_ERROR_TYPE:
            return (
                f"Raise the function's Timeout, now {reward_function.timeout:g} s (the default is 3 s, the maximum "
                "900 s), or make it faster."
            )
        case "Runtime.ExitError":
            return (
                f"The process ended during the call. If it was killed, raise MemorySize, now "
                f"{reward_function.memory_mb} MB; otherwise look for sys.exit, os._exit and crashes in native code."
            )
        case "Runtime.MarshalError":
            return "Return plain JSON values, for example float(score) for a numpy number."
        case "Function.ResponseSizeTooLarge":
            return "Return only ids, scores and short metrics: Lambda returns at most 6 MB."
        case _:
            return ""
