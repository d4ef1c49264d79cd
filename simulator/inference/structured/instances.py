"""Generates an instance of a JSON Schema: the arguments of a tool call, or an answer in a requested form.

The result depends on the schema and the value only. The value, a model's answer, goes into the field that fits it best.
All declared properties are present down to a few levels, as in OpenAI's strict mode; below that only required ones.
`jsonschema` validates every instance before it is returned.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from simulator.inference.structured.budget import Budget, BudgetExceededError
from simulator.inference.structured.instance_generator import InstanceGenerator
from simulator.inference.structured.scalar_generator import NO_VALUE
from simulator.inference.structured.schema_error import SchemaError
from simulator.inference.structured.schema_validator import find_violation, validate_schema
from simulator.inference.structured.text_cache import cache_by_text

_MAX_ATTEMPTS: Final = 3  # each tries the alternatives in another order
_ENDLESS: Final = "it refers to itself without end"
_MAX_CHARACTERS: Final = 250_000  # OpenAI allows 120,000 for all names and values of a schema


def check_schema(schema: Mapping[str, Any] | bool, *, is_object: bool = False) -> None:
    """Check that a schema has an instance that can be generated; with `is_object`, that this is an object.

    Raises:
        SchemaError: the schema is malformed, has no instance or is not supported.
    """
    instance = json.loads(_default_instance_text(_schema_text(schema)))
    if is_object and not isinstance(instance, dict):
        raise SchemaError("the schema must be of type 'object'")


def generate_instance(schema: Mapping[str, Any] | bool, value: Any = NO_VALUE, *, key: str = "answer") -> Any:
    """Return an instance with `value` where it fits; `key` is the name of the field that the prompt asks for, if any.

    Raises:
        SchemaError: as for `check_schema`; not because of the value.
    """
    schema_text = _schema_text(schema)
    default = json.loads(_default_instance_text(schema_text))
    if value is NO_VALUE:
        return default
    try:
        return _generate_valid_instance(schema_text, value, key)
    except SchemaError:
        return default


def _schema_text(schema: Any) -> str:
    try:
        schema_text = json.dumps(schema, allow_nan=False)
    except RecursionError:
        raise SchemaError("the schema is nested too deeply") from None
    except ValueError:
        raise SchemaError("the schema has a number that is too large") from None
    if len(schema_text) > _MAX_CHARACTERS:
        raise SchemaError(f"the schema has {len(schema_text)} characters; at most {_MAX_CHARACTERS} are supported")
    return schema_text


@cache_by_text
def _default_instance_text(schema_text: str) -> str:
    """Return the JSON of an instance without a given value, after validating the schema."""
    budget = Budget(schema_text)
    try:
        validate_schema(schema_text, budget)
    except BudgetExceededError:
        raise _budget_error(budget) from None
    return json.dumps(_generate_valid_instance(schema_text, NO_VALUE, "answer"))


def _generate_valid_instance(schema_text: str, value: Any, key: str) -> Any:
    schema, budget = json.loads(schema_text), Budget(schema_text)
    violation = ""
    for attempt in range(_MAX_ATTEMPTS):
        try:
            generator = InstanceGenerator(root=schema, key=key, attempt=attempt, budget=budget)
            instance, _ = generator.generate(schema, value, frozenset(), depth=0, name=key)
            violation = find_violation(schema_text, instance, budget)
        except SchemaError:
            raise
        except BudgetExceededError:
            raise _budget_error(budget) from None
        except RecursionError:
            violation = _ENDLESS
        except ArithmeticError:
            violation = "a number in it is too large"
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # no schema may end in a 500
            violation = f"something in it is not supported here ({error})"
        else:
            if not violation:
                return instance
    raise SchemaError(f"no instance of the schema could be made: {violation}")


def _budget_error(budget: Budget) -> SchemaError:
    return SchemaError(
        f"generating an instance takes more than {budget.limit} steps, the limit for a schema of this length; "
        "use fewer alternatives, and fewer references inside alternatives"
    )
