"""JSON bodies in: each request as a strict model, and every fault in one as the error the service gives."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from simulator.errors import (
    BELOW_MINIMUM,
    BODY_NOT_AN_OBJECT,
    INVALID_VALUE,
    MISSING_PARAMETER,
    UNREADABLE_BODY,
    UNSUPPORTED_PARAMETER,
    WRONG_CONTENT_TYPE,
    ApiError,
)

# botocore's LambdaArn pattern, 1 to 512 characters (from its model of the sibling API). Its `\d` is written out here:
# pydantic's would take any script's digits.
LAMBDA_ARN: Final = (
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

Auto = Literal["auto"]
Multiplier = (
    Annotated[float, Field(gt=0, le=_LARGEST_MULTIPLIER)] | Annotated[int, Field(gt=0, le=_LARGEST_MULTIPLIER)] | Auto
)
Model = TypeVar("Model", bound=BaseModel)

# A union reports each branch that it tried; the name which that adds to the path is not the caller's.
_UNION_BRANCH: Final = re.compile(r"int|float|str|(constrained-|list\[|literal\[).*", re.DOTALL)


class _Strict(BaseModel):
    """No coercion, and a field that is not written here is refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class LambdaTarget(_Strict):
    """`grader.lambda` (DOCUMENTED)."""

    function: Annotated[str, Field(pattern=LAMBDA_ARN, max_length=512)]


class LambdaGrader(_Strict):
    """`method.reinforcement.grader` (DOCUMENTED). No other grader is mentioned for open-weight models."""

    type: Literal["lambda"]
    target: Annotated[LambdaTarget, Field(alias="lambda")]


class RequestedHyperparameters(_Strict):
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


class Reinforcement(_Strict):
    """`method.reinforcement` (DOCUMENTED)."""

    grader: LambdaGrader
    hyperparameters: RequestedHyperparameters = RequestedHyperparameters()


class Method(_Strict):
    """`method` (DOCUMENTED). No document offers another type for these models."""

    type: Literal["reinforcement"]
    reinforcement: Reinforcement


class CreateJob(_Strict):
    """`POST /v1/fine_tuning/jobs`. `seed` and `integrations` are OPENAI."""

    model: str
    training_file: str
    validation_file: str | None = None
    method: Method
    metadata: Annotated[dict[str, str], Field(max_length=_METADATA_PAIRS)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    integrations: Annotated[list[Any], Field(max_length=0)] | None = None

    @field_validator("metadata")
    @classmethod
    def _short(cls, metadata: dict[str, str] | None) -> dict[str, str] | None:
        for key, value in (metadata or {}).items():
            if len(key) > _METADATA_KEY or len(value) > _METADATA_VALUE:
                shown = key[:_METADATA_KEY]
                raise ValueError(f"a key takes {_METADATA_KEY} characters and a value {_METADATA_VALUE}; see {shown!r}")
        return metadata


class TextPart(_Strict):
    """A text part of a chat message's content."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """One turn. Fields that only matter to a real model (`name`, tool calls) are taken and not used."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """The content as one plain string."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    """`stream_options`."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    include_usage: bool = False


class ChatCompletion(BaseModel):
    """`POST /v1/chat/completions`. What is not listed is taken and has no effect on a simulated answer."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | Annotated[int, Field(ge=0, le=2)] | None = None
    reasoning_effort: Literal["none", "low", "medium", "high"] | None = None
    seed: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def effort(self) -> str:
        """How much to think; `none` is the least that the simulated policy knows."""
        return {None: "medium", "none": "low"}.get(self.reasoning_effort) or str(self.reasoning_effort)

    @property
    def budget(self) -> int | None:
        """The most tokens to generate, reasoning included."""
        return self.max_completion_tokens or self.max_tokens


def parsed(shape: type[Model], body: bytes, headers: Mapping[str, str], *, ignored: Collection[str] = ()) -> Model:
    """Read a JSON body as `shape`; the root fields named in `ignored` are taken and dropped.

    Raises:
        ApiError: the body is not declared to be JSON, is not JSON, or does not fit.
    """
    content_type = headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if content_type != _JSON:
        raise WRONG_CONTENT_TYPE(given=content_type, wanted=_JSON)
    value = _json(body)
    if not isinstance(value, dict):
        raise BODY_NOT_AN_OBJECT(hint="it begins with '{' and ends with '}'")
    try:
        return shape.model_validate({name: field for name, field in value.items() if name not in ignored})
    except ValidationError as error:
        raise _fault(error.errors(include_url=False)) from None


def _json(body: bytes) -> Any:
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
    first = errors[0]
    param = _param(first["loc"])
    match first["type"]:
        case "missing":
            return MISSING_PARAMETER(param=param)
        case "extra_forbidden":
            return UNSUPPORTED_PARAMETER(param=param)
        case "greater_than_equal":
            return BELOW_MINIMUM(param=param, minimum=first["ctx"]["ge"], got=first["input"])
        case "model_type" | "dict_type":
            return INVALID_VALUE(param=param, why="input should be an object")
        case _:
            reason = first["msg"].removeprefix("Value error, ")
            return INVALID_VALUE(param=param, why=f"{reason[:1].lower()}{reason[1:]}")


def _param(path: tuple[int | str, ...]) -> str:
    shown = ""
    for position, part in enumerate(path):
        if isinstance(part, int):
            shown += f"[{part}]"
        elif position == 0 or not _UNION_BRANCH.fullmatch(part):
            shown += f".{part}" if shown else part
    return shown
