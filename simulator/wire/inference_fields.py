"""Fields and base classes that the requests of chat completions, completions and Responses share."""

from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic_core import PydanticCustomError

from simulator.inference.structured.instances import check_schema

Model = TypeVar("Model", bound=BaseModel)


class LenientModel(BaseModel):
    """No coercion. Unknown fields have no effect."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


@cache
def forbid_unknown_fields(model: type[Model]) -> type[Model]:
    """Return the model with unknown top-level fields refused instead of ignored."""
    return create_model(model.__name__, __base__=model, __cls_kwargs__={"extra": "forbid"})


def _refuse(value: object) -> object:
    if value is not None:
        raise PydanticCustomError("extra_forbidden", "not supported")
    return value


def _check_object_schema(schema: dict[str, Any]) -> dict[str, Any]:
    if schema:
        check_schema(schema, is_object=True)
    return schema


# A field that would change the answer, and that no model here supports. Ignoring it would mislead the client.
UnsupportedField = Annotated[None, BeforeValidator(_refuse)]

SchemaName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]  # OPENAI: of a function, and of a response format
ObjectSchema = Annotated[dict[str, Any], AfterValidator(_check_object_schema)]
Temperature = Annotated[float, Field(ge=0, le=2)] | Annotated[int, Field(ge=0, le=2)]
