"""What to do about the errors that Lambda itself answers with when a function does not start, or does not end."""

from simulator.doctor.reward_function import RewardFunction
from simulator.grading.lambda_failure import TIMEOUT_ERROR_TYPE, LambdaFailure


def lambda_error_fix(failure: LambdaFailure, reward_function: RewardFunction) -> str:
    """Return what to do about an error of Lambda's own; empty for an exception."""
    handler = f", now {reward_function.spec.handler}," if reward_function.spec else ""
    match failure.type:
        case "Runtime.ImportModuleError":
            return (
                "Put every package that it imports into the zip, at its root, beside the module that the handler"
                f"{handler} names before the dot. Only boto3 is there by itself."
            )
        case "Runtime.HandlerNotFound" | "Runtime.MalformedHandlerName":
            return f"Set the handler{handler} to MODULE.FUNCTION of the function that scores."
        case "Runtime.UserCodeSyntaxError":
            return "Correct that line."
        case str() as kind if kind == TIMEOUT_ERROR_TYPE:
            return (
                f"Raise the function's Timeout, now {reward_function.timeout:g} s (3 s unless it is set, 900 s at most), "
                "or make it faster."
            )
        case "Runtime.ExitError":
            return (
                f"The process ended in the middle of the call. If it was killed, raise MemorySize, now "
                f"{reward_function.memory_mb} MB; otherwise look for sys.exit, os._exit and crashes in native code."
            )
        case "Runtime.MarshalError":
            return "Return plain JSON values: float(score) for a numpy number, for one."
        case "Function.ResponseSizeTooLarge":
            return "Return ids, scores and short metrics only: Lambda sends 6 MB back at most."
        case _:
            return ""
