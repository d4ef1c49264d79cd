"""Translates pydantic's validation errors into the service's errors. Codes are OBSERVED, texts INFERRED."""

import re
from collections.abc import Sequence
from typing import Final

from pydantic_core import ErrorDetails

from simulator.errors import (
    BELOW_MINIMUM,
    DECIMAL_BELOW_MINIMUM,
    INVALID_REQUEST,
    INVALID_TOOL_CALLS,
    INVALID_VALUE,
    MISSING_PARAMETER,
    UNSUPPORTED_PARAMETER,
    ApiError,
)


class _MissingMethodType(str):
    """The type of a method that the request does not have. Only its identity matters."""

    __slots__ = ()


MISSING_METHOD_TYPE: Final = _MissingMethodType("supervised")
"""The `method.type` of a job creation without a `method`: the error is OpenAI's, the hint says what is missing."""

_GRADER: Final = "method.reinforcement.grader"
_FUNCTION: Final = f"{_GRADER}.lambda.function"
_MISSING_METHOD_HINT: Final = (
    "the job has no 'method', and Mantle takes only reinforcement; with the OpenAI SDK: extra_body={'method': {'type': "
    "'reinforcement', 'reinforcement': {'grader': {'type': 'lambda', 'lambda': {'function': "
    "'arn:aws:lambda:us-west-2:123456789012:function:NAME'}}}}}"
)
# What to do instead, by the field that is refused.
_HINTS: Final = {
    "method.type": "Mantle takes only reinforcement; with the OpenAI SDK, pass it as extra_body={'method': ...}",
    "method.reinforcement.grader.type": "the grader is {'type': 'lambda', 'lambda': {'function': ARN}}",
    "suffix": "AWS: not supported; --set ignored_job_fields=suffix lets it pass here",
    "integrations": "no AWS page has it; leave it out, or let it pass here with --set ignored_job_fields=integrations",
}
# Fields that clients send in place of the grader's function. One AWS notebook, which never ran, has `lambda_arn`.
_MISPLACED_FUNCTIONS: Final = frozenset({"lambda_arn", "function_arn"})

_INPUT_SHOULD_BE: Final = "input should be "
_TYPE_ERRORS: Final = ("string_type", "list_type")

# pydantic adds the name of each union branch to the path of an error. The caller's path does not have it.
_UNION_BRANCH: Final = re.compile(r"int|float|str|(constrained-|list\[|literal\[).*", re.DOTALL)


def translate_validation_errors(errors: Sequence[ErrorDetails]) -> ApiError:
    """Return the error for the first invalid value."""
    first, *others = _errors_of_first_value(errors)
    param = _param(first["loc"])
    hint = _hint(first, errors)
    match first["type"]:
        case "missing" if "tool_calls" in first["loc"]:
            return INVALID_TOOL_CALLS(why=f"missing field {first['loc'][-1]}")
        case "missing":
            return MISSING_PARAMETER(param=param, hint=hint)
        case "extra_forbidden":
            return UNSUPPORTED_PARAMETER(param=param, hint=hint)
        case "greater_than_equal":
            kind = DECIMAL_BELOW_MINIMUM if "float" in str(first["loc"][-1]) else BELOW_MINIMUM
            return kind(param=param, minimum=first["ctx"]["ge"], got=first["input"])
        case "model_type" | "dict_type":
            return INVALID_VALUE(param=param, why="input should be an object", hint=hint)
        case _:
            why = _join_reasons([first, *others])
            # Without a param the error is about the whole request.
            return INVALID_VALUE(param=param, why=why, hint=hint) if param else INVALID_REQUEST(why=why)


def _hint(first: ErrorDetails, errors: Sequence[ErrorDetails]) -> str | None:
    """Return what to do instead. A misplaced function can be another error than the first one: that it is missing."""
    if first["input"] is MISSING_METHOD_TYPE:
        return _MISSING_METHOD_HINT
    param = _param(first["loc"])
    for error in errors:
        if (
            error["type"] == "extra_forbidden"
            and error["loc"][-1] in _MISPLACED_FUNCTIONS
            and param.startswith(_GRADER)
        ):
            return f"the function's ARN belongs in '{_FUNCTION}', not in '{_param(error['loc'])}'"
    return _HINTS.get(param)


def _join_reasons(errors: Sequence[ErrorDetails]) -> str:
    """Return the messages of several errors of one value as one text."""
    messages = dict.fromkeys(error["msg"].removeprefix("Value error, ") for error in errors)
    first, *others = (f"{message[:1].lower()}{message[1:]}" for message in messages)
    return " or ".join((first, *(message.removeprefix(_INPUT_SHOULD_BE) for message in others)))


def _errors_of_first_value(errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Return the errors of the first invalid value: several if it can be a text or a list.

    If one branch of a union fits except for a value inside of it, the error of that inner value is the one to return.
    """
    param = _param(errors[0]["loc"])
    inner = [error for error in errors if _param(error["loc"]).startswith((f"{param}.", f"{param}["))]
    if inner:
        return [max(inner, key=lambda error: len(_param(error["loc"])))]
    same_value = [error for error in errors if _param(error["loc"]) == param]
    return [error for error in same_value if error["type"] in _TYPE_ERRORS] or same_value[:1]


def _param(path: tuple[int | str, ...]) -> str:
    """Return the path of a value as the caller would write it, such as `messages[0].content`."""
    param = ""
    for position, part in enumerate(path):
        if isinstance(part, int):
            param += f"[{part}]"
        elif position == 0 or not _UNION_BRANCH.fullmatch(part):
            param += f".{part}" if param else part
    return param
