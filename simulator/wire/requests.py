"""JSON bodies in: each request as a strict model, and every fault in one as the error the service gives."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from simulator.errors import (
    BELOW_MINIMUM,
    BODY_NOT_AN_OBJECT,
    DECIMAL_BELOW_MINIMUM,
    INVALID_REQUEST,
    INVALID_TOOL_CALLS,
    INVALID_VALUE,
    MISSING_PARAMETER,
    UNREADABLE_BODY,
    UNSUPPORTED_PARAMETER,
    WRONG_CONTENT_TYPE,
    ApiError,
)
from simulator.wire.strict_model import StrictModel

# botocore's LambdaArn pattern, 1 to 512 characters (from its model of the sibling API). Its `\d` is written out here:
# pydantic's would take any script's digits.
LAMBDA_ARN_PATTERN: Final = (
    r"^arn:(aws[a-zA-Z-]*)?:lambda:[a-z]{2}(-gov)?-[a-z]+-[0-9]:[0-9]{12}:function:"
    r"[a-zA-Z0-9-_\.]+(:(\$LATEST|[a-zA-Z0-9-_]+))?$"
)
# OPENAI: metadata takes 16 pairs; AWS records the parameter and names no limits.
_METADATA_PAIRS: Final = 16
_METADATA_KEY: Final = 64
_METADATA_VALUE: Final = 512

# INFERRED: AWS names no maximum. A multiplier of 30 already breaks the model; far beyond this one floats overflow.
_LARGEST_MULTIPLIER: Final = 1_000

_JSON: Final = "application/json"
# What to do instead, by the field that was refused.
_INSTEAD: Final = {
    "method.type": "Mantle tunes by reinforcement alone; pass it to the OpenAI SDK by extra_body={'method': ...}",
    "method.reinforcement.grader.type": "the grader is {'type': 'lambda', 'lambda': {'function': ARN}}",
    "suffix": "AWS: not supported; --set ignored_job_fields=suffix lets it pass here",
}
_SHOULD: Final = "input should be "
_FORMS: Final = ("string_type", "list_type")

Auto = Literal["auto"]
Multiplier = (
    Annotated[float, Field(gt=0, le=_LARGEST_MULTIPLIER)] | Annotated[int, Field(gt=0, le=_LARGEST_MULTIPLIER)] | Auto
)
Model = TypeVar("Model", bound=BaseModel)

# A union reports each branch that it tried; the name which that adds to the path is not the caller's.
_UNION_BRANCH: Final = re.compile(r"int|float|str|(constrained-|list\[|literal\[).*", re.DOTALL)


def _short(metadata: dict[str, str]) -> dict[str, str]:
    for key, value in metadata.items():
        if len(key) > _METADATA_KEY or len(value) > _METADATA_VALUE:
            shown = key[:_METADATA_KEY]
            raise ValueError(f"a key takes {_METADATA_KEY} characters and a value {_METADATA_VALUE}; see {shown!r}")
    return metadata


Metadata = Annotated[dict[str, str], Field(max_length=_METADATA_PAIRS), AfterValidator(_short)]


class LambdaTarget(StrictModel):
    """`grader.lambda` (DOCUMENTED)."""

    function: Annotated[str, Field(pattern=LAMBDA_ARN_PATTERN, max_length=512)]


class LambdaGrader(StrictModel):
    """`method.reinforcement.grader` (DOCUMENTED). No other grader is mentioned for open-weight models."""

    type: Literal["lambda"]
    target: Annotated[LambdaTarget, Field(alias="lambda")]


class RequestedHyperparameters(StrictModel):
    """`method.reinforcement.hyperparameters`: the three that AWS shows, then OpenAI's other four, kept as given.

    AWS gives no ranges for open-weight models; the bounds here are INFERRED, and wide.
    """

    n_epochs: Annotated[int, Field(ge=1, le=50)] | Auto = "auto"
    batch_size: Annotated[int, Field(ge=1, le=512)] | Auto = "auto"
    learning_rate_multiplier: Multiplier = "auto"
    eval_interval: Annotated[int, Field(ge=1)] | Auto = "auto"
    eval_samples: Annotated[int, Field(ge=1)] | Auto = "auto"
    compute_multiplier: Multiplier = "auto"
    reasoning_effort: Literal["default", "low", "medium", "high"] = "default"


class Reinforcement(StrictModel):
    """`method.reinforcement` (DOCUMENTED)."""

    grader: LambdaGrader
    hyperparameters: RequestedHyperparameters = RequestedHyperparameters()


class Method(StrictModel):
    """`method` (DOCUMENTED). No document offers another type for these models."""

    type: Literal["reinforcement"]
    reinforcement: Reinforcement


class CreateJob(StrictModel):
    """`POST /v1/fine_tuning/jobs`. `seed` and `integrations` are OPENAI."""

    model: str
    training_file: str
    validation_file: str | None = None
    method: Method
    metadata: Metadata | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    integrations: Annotated[list[Any], Field(max_length=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_method(cls, fields: Any) -> Any:
        """Read a job without a method as OpenAI does: as a supervised one, which is refused by its type."""
        return {"method": {"type": "supervised"}, **fields} if isinstance(fields, dict) else fields


def parse_body(
    model: type[Model], body: bytes, headers: Mapping[str, str], *, ignored_fields: Collection[str] = ()
) -> Model:
    """Read a JSON body as `model`; the root fields named in `ignored_fields` are taken and dropped.

    Raises:
        ApiError: the body is not declared to be JSON, is not JSON, or does not fit.
    """
    content_type = headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if content_type != _JSON:
        raise WRONG_CONTENT_TYPE(given=content_type, wanted=_JSON, hint=f"with curl: -H 'Content-Type: {_JSON}'")
    value = _json(body)
    if not isinstance(value, dict):
        raise BODY_NOT_AN_OBJECT(hint="it begins with '{' and ends with '}'")
    try:
        return model.model_validate({name: field for name, field in value.items() if name not in ignored_fields})
    except ValidationError as error:
        raise _fault(error.errors(include_url=False)) from None


def _json(body: bytes) -> Any:
    if not body.strip():
        raise UNREADABLE_BODY(why="it is empty")
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
        if b"\\u" in body:
            # Half of a surrogate pair is legal in JSON, but it can be neither stored nor sent on as UTF-8.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    except UnicodeEncodeError:
        why = "a \\u escape is half of a surrogate pair"
    except RecursionError:
        why = "it is nested too deeply"
    except json.JSONDecodeError as error:
        why = str(error)
    except ValueError as error:
        why = "a number has too many digits" if "digits" in str(error) else str(error)
    else:
        return value
    raise UNREADABLE_BODY(why=why)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _fault(errors: list[ErrorDetails]) -> ApiError:
    """Return the first fault in the service's words. Codes OBSERVED; texts INFERRED."""
    first, *others = _of_first_value(errors)
    param = _param(first["loc"])
    match first["type"]:
        case "missing" if "tool_calls" in first["loc"]:
            return INVALID_TOOL_CALLS(why=f"missing field {first['loc'][-1]}")
        case "missing":
            return MISSING_PARAMETER(param=param)
        case "extra_forbidden":
            return UNSUPPORTED_PARAMETER(param=param, hint=_INSTEAD.get(param))
        case "greater_than_equal":
            below = DECIMAL_BELOW_MINIMUM if "float" in str(first["loc"][-1]) else BELOW_MINIMUM
            return below(param=param, minimum=first["ctx"]["ge"], got=first["input"])
        case "model_type" | "dict_type":
            return INVALID_VALUE(param=param, why="input should be an object")
        case _:
            reasons = dict.fromkeys(error["msg"].removeprefix("Value error, ") for error in (first, *others))
            words, *more = (f"{reason[:1].lower()}{reason[1:]}" for reason in reasons)
            said = " or ".join((words, *(word.removeprefix(_SHOULD) for word in more)))
            if not param:
                return INVALID_REQUEST(why=said)  # of what it has, and not of any one field
            return INVALID_VALUE(param=param, why=said, hint=_INSTEAD.get(param))


def _of_first_value(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Return what is said of the first faulty value: more than one thing when it might be text or a list.

    Where one of its possible forms fits so far that only something inside of it is at fault, that fault is the one.
    """
    place = _param(errors[0]["loc"])
    inside = [error for error in errors if _param(error["loc"]).startswith((f"{place}.", f"{place}["))]
    if inside:
        return [max(inside, key=lambda error: len(_param(error["loc"])))]
    said = [error for error in errors if _param(error["loc"]) == place]
    return [error for error in said if error["type"] in _FORMS] or said[:1]


def _param(path: tuple[int | str, ...]) -> str:
    shown = ""
    for position, part in enumerate(path):
        if isinstance(part, int):
            shown += f"[{part}]"
        elif position == 0 or not _UNION_BRANCH.fullmatch(part):
            shown += f".{part}" if shown else part
    return shown
