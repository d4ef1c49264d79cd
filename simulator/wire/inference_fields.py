"""What the requests of chat completions, completions and Responses have in common."""

from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic_core import PydanticCustomError

from simulator.inference.structured.instances import check_schema

Model = TypeVar("Model", bound=BaseModel)


class LenientModel(BaseModel):
    """No coercion; a field that is not written here has no effect."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


@cache
def forbid_unknown_fields(model: type[Model]) -> type[Model]:
    """Return the same shape for those who want a root field that is not listed refused and not passed over."""
    return create_model(model.__name__, __base__=model, __cls_kwargs__={"extra": "forbid"})


def _refused(value: object) -> object:
    if value is not None:
        raise PydanticCustomError("extra_forbidden", "not supported")
    return value


def _of_an_object(schema: dict[str, Any]) -> dict[str, Any]:
    if schema:
        check_schema(schema, is_object=True)
    return schema


# A field that would change what an answer is, and that no model here has: passed over, it would mislead.
UnsupportedField = Annotated[None, BeforeValidator(_refused)]

SchemaName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]  # OPENAI: of a function, and of an answer's form
ObjectSchema = Annotated[dict[str, Any], AfterValidator(_of_an_object)]
Temperature = Annotated[float, Field(ge=0, le=2)] | Annotated[int, Field(ge=0, le=2)]
