"""Parses JSON request bodies into strict models. Every problem becomes the error that the service gives."""

import json
from collections.abc import Collection, Mapping
from typing import Any, Final, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from simulator.errors import BODY_NOT_AN_OBJECT, UNREADABLE_BODY, WRONG_CONTENT_TYPE
from simulator.wire.validation_errors import translate_validation_errors

Model = TypeVar("Model", bound=BaseModel)

_JSON: Final = "application/json"


def parse_body(
    model: type[Model], body: bytes, headers: Mapping[str, str], *, ignored_fields: Collection[str] = ()
) -> Model:
    """Parse a JSON body as `model`. Top-level fields named in `ignored_fields` are dropped.

    Raises:
        ApiError: the content type is not JSON, the body is not JSON, or it does not fit the model.
    """
    content_type = headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if content_type != _JSON:
        raise WRONG_CONTENT_TYPE(given=content_type, wanted=_JSON, hint=f"with curl: -H 'Content-Type: {_JSON}'")
    value = _parse_json(body)
    if not isinstance(value, dict):
        raise BODY_NOT_AN_OBJECT(hint="it begins with '{' and ends with '}'")
    try:
        return model.model_validate({name: field for name, field in value.items() if name not in ignored_fields})
    except ValidationError as error:
        raise translate_validation_errors(error.errors(include_url=False)) from None


def _parse_json(body: bytes) -> Any:
    if not body.strip():
        raise UNREADABLE_BODY(why="it is empty")
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
        if b"\\u" in body:
            # Half of a surrogate pair is valid JSON, but it can be neither stored nor sent as UTF-8.
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
