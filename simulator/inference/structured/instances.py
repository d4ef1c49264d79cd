"""A JSON Schema to an instance of it: the arguments of a tool call, or an answer in the form that was asked for.

Nothing is drawn: one schema and one value make one instance. The value, a model's answer, goes to the field that fits
it best. All declared properties are filled in, as OpenAI's strict mode asks, down to a few levels; then only the
required ones. Whatever is made has been checked by `jsonschema`, so that nothing leaves that is not valid.
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

_MAX_ATTEMPTS: Final = 3  # how many times alternatives are tried in another order
_ENDLESS: Final = "it refers to itself without end"
_LONGEST: Final = 250_000  # characters; all names and values of a schema are 120,000 at most with OpenAI


def check_schema(schema: Mapping[str, Any] | bool, *, is_object: bool = False) -> None:
    """Check that an instance of a schema can be made; `is_object`: and that it is an object.

    Raises:
        SchemaError: the schema is malformed, nothing satisfies it, or it asks for what is not supported here.
    """
    made = _default_instance_text(_schema_text(schema))
    if is_object and not isinstance(json.loads(made), dict):
        raise SchemaError("the schema must be of type 'object'")


def generate_instance(schema: Mapping[str, Any] | bool, value: Any = NO_VALUE, *, key: str = "answer") -> Any:
    """Return the instance that holds `value` where it fits; `key` names the field that the prompt asks for, if any.

    Raises:
        SchemaError: as `checked` does, and then only.
    """
    written = _schema_text(schema)
    plain = json.loads(_default_instance_text(written))
    if value is NO_VALUE:
        return plain
    try:
        return _generate_valid_instance(written, value, key)
    except SchemaError:
        return plain


def _schema_text(schema: Any) -> str:
    try:
        written = json.dumps(schema, allow_nan=False)
    except RecursionError:
        raise SchemaError("the schema is nested too deeply") from None
    except ValueError:
        raise SchemaError("the schema holds a number that is too large") from None
    if len(written) > _LONGEST:
        raise SchemaError(f"the schema has {len(written)} characters; {_LONGEST} are the most here")
    return written


@cache_by_text
def _default_instance_text(written: str) -> str:
    """Return an instance without a value, as JSON, after checking the schema itself."""
    budget = Budget(written)
    try:
        validate_schema(written, budget)
    except BudgetExceededError:
        raise _budget_error(budget) from None
    return json.dumps(_generate_valid_instance(written, NO_VALUE, "answer"))


def _generate_valid_instance(written: str, value: Any, key: str) -> Any:
    schema, budget = json.loads(written), Budget(written)
    fault = ""
    for turn in range(_MAX_ATTEMPTS):
        try:
            maker = InstanceGenerator(root=schema, key=key, attempt=turn, budget=budget)
            made, _ = maker.generate(schema, value, frozenset(), depth=0, name=key)
            fault = find_violation(written, made, budget)
        except SchemaError:
            raise
        except BudgetExceededError:
            raise _budget_error(budget) from None
        except RecursionError:
            fault = "it refers to itself without end"
        except ArithmeticError:
            fault = "a number in it is too large"
        except (AttributeError, LookupError, TypeError, ValueError) as unforeseen:  # no schema breaks the service
            fault = f"something in it is not supported here ({unforeseen})"
        else:
            if not fault:
                return made
    raise SchemaError(f"no instance of the schema could be made: {fault}")


def _budget_error(budget: Budget) -> SchemaError:
    return SchemaError(
        f"working through the schema takes more than {budget.limit} steps, which is the most for one of its length; "
        "use fewer alternatives and references that multiply"
    )
