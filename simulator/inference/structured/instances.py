"""A JSON Schema to an instance of it: the arguments of a tool call, or an answer in the form that was asked for.

Nothing is drawn: one schema and one value make one instance. The value, a model's answer, goes to the field that fits
it best. All declared properties are filled in, as OpenAI's strict mode asks, down to a few levels; then only the
required ones. Whatever is made has been checked by `jsonschema`, so that nothing leaves that is not valid.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from simulator.inference.structured.budget import Budget, SpentError
from simulator.inference.structured.instance_generator import Maker
from simulator.inference.structured.scalar_generator import NOTHING
from simulator.inference.structured.schema_error import SchemaError
from simulator.inference.structured.schema_validator import check, fault_of
from simulator.inference.structured.text_cache import remembered

_TURNS: Final = 3  # how many times alternatives are tried in another order
_ENDLESS: Final = "it refers to itself without end"
_LONGEST: Final = 250_000  # characters; all names and values of a schema are 120,000 at most with OpenAI


def checked(schema: Mapping[str, Any] | bool, *, of_object: bool = False) -> None:
    """Check that an instance of a schema can be made; `of_object`: and that it is an object.

    Raises:
        SchemaError: the schema is malformed, nothing satisfies it, or it asks for what is not supported here.
    """
    made = _plain(_written(schema))
    if of_object and not isinstance(json.loads(made), dict):
        raise SchemaError("the schema must be of type 'object'")


def instance(schema: Mapping[str, Any] | bool, value: Any = NOTHING, *, key: str = "answer") -> Any:
    """Return the instance that holds `value` where it fits; `key` names the field that the prompt asks for, if any.

    Raises:
        SchemaError: as `checked` does, and then only.
    """
    written = _written(schema)
    plain = json.loads(_plain(written))
    if value is NOTHING:
        return plain
    try:
        return _made(written, value, key)
    except SchemaError:
        return plain


def _written(schema: Any) -> str:
    try:
        written = json.dumps(schema, allow_nan=False)
    except RecursionError:
        raise SchemaError("the schema is nested too deeply") from None
    except ValueError:
        raise SchemaError("the schema holds a number that is too large") from None
    if len(written) > _LONGEST:
        raise SchemaError(f"the schema has {len(written)} characters; {_LONGEST} are the most here")
    return written


@remembered
def _plain(written: str) -> str:
    """Return an instance without a value, as JSON, after checking the schema itself."""
    budget = Budget(written)
    try:
        check(written, budget)
    except SpentError:
        raise _too_much(budget) from None
    return json.dumps(_made(written, NOTHING, "answer"))


def _made(written: str, value: Any, key: str) -> Any:
    schema, budget = json.loads(written), Budget(written)
    fault = ""
    for turn in range(_TURNS):
        try:
            maker = Maker(root=schema, key=key, turn=turn, budget=budget)
            made, _ = maker.made(schema, value, frozenset(), depth=0, name=key)
            fault = fault_of(written, made, budget)
        except SchemaError:
            raise
        except SpentError:
            raise _too_much(budget) from None
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


def _too_much(budget: Budget) -> SchemaError:
    return SchemaError(
        f"working through the schema takes more than {budget.allowed} steps, which is the most for one of its length; "
        "use fewer alternatives and references that multiply"
    )
