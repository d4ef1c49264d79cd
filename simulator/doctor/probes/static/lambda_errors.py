"""What to do about the errors that Lambda itself answers with when a function does not start, or does not end."""

from simulator.doctor.reward_function import Patient
from simulator.grading.lambda_response import TIMED_OUT, Failure


def advice(failure: Failure, patient: Patient) -> str:
    """Return what to do about an error of Lambda's own; empty for an exception."""
    handler = f", now {patient.spec.handler}," if patient.spec else ""
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
        case str() as kind if kind == TIMED_OUT:
            return (
                f"Raise the function's Timeout, now {patient.timeout:g} s (3 s unless it is set, 900 s at most), "
                "or make it faster."
            )
        case "Runtime.ExitError":
            return (
                f"The process ended in the middle of the call. If it was killed, raise MemorySize, now "
                f"{patient.memory_mb} MB; otherwise look for sys.exit, os._exit and crashes in native code."
            )
        case "Runtime.MarshalError":
            return "Return plain JSON values: float(score) for a numpy number, for one."
        case "Function.ResponseSizeTooLarge":
            return "Return ids, scores and short metrics only: Lambda sends 6 MB back at most."
        case _:
            return ""
