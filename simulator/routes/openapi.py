"""The OpenAPI document: paths, parameters and bodies, from the route table and the request models."""

import re
from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from simulator.routes.route import Route

_REF: Final = "#/components/schemas/{model}"
_PATH_PARAMETER: Final = re.compile(r"\{(\w+)(?::path)?\}")
_NULLABLE: Final = {"type": ["string", "null"]}

_QUERY: Final[dict[str, Any]] = {
    "after": {"type": "string"},
    "include_archived": {"type": "boolean"},
    "limit": {"type": "integer", "minimum": 1},
    "order": {"enum": ["asc", "desc"]},
    "purpose": {"type": "string"},
    "starting_after": {"type": "integer", "minimum": 0},
    "stream": {"type": "boolean"},
}
_FILE_FORM: Final = {
    "type": "object",
    "required": ["purpose", "file"],
    "properties": {"purpose": {"const": "fine-tune"}, "file": {"type": "string", "format": "binary"}},
}
_ERROR: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "param", "type"],
            "additionalProperties": False,
            "properties": {"code": _NULLABLE, "message": {"type": "string"}, "param": _NULLABLE, "type": _NULLABLE},
        }
    },
    "additionalProperties": False,
}


def build_openapi_document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return an OpenAPI 3.1 document of the routes. Those of the control plane need no key."""
    all_routes = tuple(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in all_routes:
        for prefix in route.prefixes:
            operations = paths.setdefault(prefix + _PATH_PARAMETER.sub(r"{\1}", route.path), {})
            operations[route.method.lower()] = _operation(route, prefix)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Amazon Bedrock's OpenAI-compatible API for reinforcement fine-tuning, simulated",
            "version": "1",
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": {"Error": _ERROR, **_schemas(all_routes)},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(routes: Iterable[Route]) -> dict[str, Any]:
    models: dict[str, type[BaseModel]] = {route.body.__name__: route.body for route in routes if route.body}
    _, definitions = models_json_schema([(model, "validation") for model in models.values()], ref_template=_REF)
    return dict(definitions.get("$defs", {}))


def _operation(route: Route, prefix: str) -> dict[str, Any]:
    name = f"{route.method}{prefix}{route.path}"
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", name).strip("_").lower(),
        "summary": (route.handler.__doc__ or "").partition("\n")[0],
        "parameters": [
            *(
                {"name": part, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
                for part in _PATH_PARAMETER.findall(route.path)
            ),
            *({"name": part, "in": "query", "schema": _QUERY[part]} for part in route.query_parameters),
        ],
        "responses": {
            "200": {"description": "Done"},
            "default": {
                "description": "Refused",
                "content": {"application/json": {"schema": {"$ref": _REF.format(model="Error")}}},
            },
        },
        "x-evidence": route.evidence.name,
    }
    if route.action:
        operation["x-iam-action"] = f"bedrock-mantle:{route.action}"
    else:
        operation["security"] = []
    if route.body:
        schema: Any = {"$ref": _REF.format(model=route.body.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    elif route.accepts_file:
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _FILE_FORM}}}
    return operation
