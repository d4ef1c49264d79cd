"""Requests generated from our own OpenAPI document: whatever is sent, the answer is one of the API's, never a fault."""

import json
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from simulator.errors import CATALOGUE
from simulator.ids import Ids
from simulator.routes.openapi import document
from simulator.routes.table import ROUTES
from tests.world import BASE, FinishedJob, World

CODES: Final = {kind.code for kind in CATALOGUE.values()}
TYPES: Final = {kind.type for kind in CATALOGUE.values()}

IDS: Final = Ids(seed=0)
MODELS: Final = [BASE, "qwen.qwen3-32b-v1:0", "openai.gpt-oss-120b", "ft:nobody"]
# What there is to be found in the simulator below, and what is not: else most requests would end at their 404.
PLACES: Final[dict[str, list[str]]] = {
    "file": [IDS.file(0), "file-abc123"],
    "job": [IDS.job(0), "ftjob-abc123"],
    "model": MODELS,
    "project": ["default", "proj_nobody"],
}


def deepened(described: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the names of what exists in the places of names."""
    for path in described["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["in"] == "path" and parameter["name"] in PLACES:
                    parameter["schema"] = {"enum": PLACES[parameter["name"]]}
    for schema in described["components"]["schemas"].values():
        for name, known in (("model", MODELS), ("training_file", PLACES["file"])):
            if name in schema.get("properties", {}):
                schema["properties"][name] = {"enum": known}
    return described


configuration = schemathesis.Config.from_dict({"generation": {"mode": "all"}})
described: Any = schemathesis.openapi.from_dict(deepened(document(ROUTES)), config=configuration)


@pytest.mark.slow
@pytest.mark.shows("no-5xx")
@described.parametrize()  # type: ignore[untyped-decorator]  # what it decorates with is known at run time only
@settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_no_generated_request_meets_a_fault(case: Any, served: World, finished_job: FinishedJob) -> None:
    """Valid or not: below 500, and every refusal is the envelope with a code of the catalogue."""
    assert finished_job.id == IDS.job(0)
    answer = case.call(base_url=served.url, headers={"authorization": f"Bearer {served.key}"})
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        error = json.loads(answer.content)["error"]
        assert list(error) == ["code", "message", "param", "type"]
        assert error["code"] in CODES
        assert error["type"] in TYPES
