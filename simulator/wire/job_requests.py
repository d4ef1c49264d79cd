"""The request `POST /v1/fine_tuning/jobs`."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from simulator.wire.metadata import Metadata
from simulator.wire.strict_model import StrictModel
from simulator.wire.validation_errors import MISSING_METHOD_TYPE

# botocore's LambdaArn pattern, 1 to 512 characters (from its model of the sibling API). `[0-9]` replaces its `\d`,
# because pydantic's `\d` matches the digits of any script.
LAMBDA_ARN_PATTERN: Final = (
    r"^arn:(aws[a-zA-Z-]*)?:lambda:[a-z]{2}(-gov)?-[a-z]+-[0-9]:[0-9]{12}:function:"
    r"[a-zA-Z0-9-_\.]+(:(\$LATEST|[a-zA-Z0-9-_]+))?$"
)

# INFERRED: AWS names no maximum. A multiplier of 30 already breaks the model; far above this one, floats overflow.
_MAX_MULTIPLIER: Final = 1_000

Auto = Literal["auto"]
Multiplier = Annotated[float, Field(gt=0, le=_MAX_MULTIPLIER)] | Annotated[int, Field(gt=0, le=_MAX_MULTIPLIER)] | Auto


def _refuse_integrations(value: object) -> object:
    """OPENAI takes Weights & Biases here. No AWS page mentions the field, so only an empty value passes."""
    if value is None or value == []:
        return value
    raise PydanticCustomError("extra_forbidden", "not supported")


class LambdaTarget(StrictModel):
    """`grader.lambda` (DOCUMENTED)."""

    function: Annotated[str, Field(pattern=LAMBDA_ARN_PATTERN, max_length=512)]


class LambdaGrader(StrictModel):
    """`method.reinforcement.grader` (DOCUMENTED). AWS documents no other grader for open-weight models."""

    type: Literal["lambda"]
    target: Annotated[LambdaTarget, Field(alias="lambda")]


class RequestedHyperparameters(StrictModel):
    """`method.reinforcement.hyperparameters`: the three that AWS documents, and OpenAI's other four, stored unchanged.

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
    integrations: Annotated[Annotated[list[Any], Field(max_length=0)] | None, BeforeValidator(_refuse_integrations)] = (
        None
    )

    @model_validator(mode="before")
    @classmethod
    def _add_missing_method(cls, fields: Any) -> Any:
        """Treat a job without a method as OpenAI does: as a supervised job, which is refused by its type."""
        return {"method": {"type": MISSING_METHOD_TYPE}, **fields} if isinstance(fields, dict) else fields
