"""Projects on the wire (DOCUMENTED: routes, parameters, objects; lengths from CloudFormation's schema of a project)."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from simulator.store.projects import StoredProject
from simulator.wire.json_response import Json
from simulator.wire.strict_model import StrictModel

_KEY: Final = 128
_VALUE: Final = 256


def _checked(tags: dict[str, str]) -> dict[str, str]:
    for key, value in tags.items():
        if not 0 < len(key) <= _KEY or len(value) > _VALUE:
            raise ValueError(f"a key takes 1 to {_KEY} characters and a value up to {_VALUE}; see {key[:_KEY]!r}")
    return tags


_Name = Annotated[str, Field(min_length=1, max_length=128)]
_Tags = Annotated[dict[str, str], AfterValidator(_checked)]


class CreateProject(StrictModel):
    """`POST /v1/organization/projects`."""

    name: _Name
    tags: _Tags = Field(default_factory=dict)


class UpdateProject(StrictModel):
    """`POST /v1/organization/projects/{project}`: what is not named stays as it is."""

    name: _Name | None = None
    add_tags: _Tags = Field(default_factory=dict)
    remove_tag_keys: list[str] = Field(default_factory=list)


def render_project(project: StoredProject, *, arn: str) -> Json:
    """Return a project object (DOCUMENTED but for `archived`, which is OpenAI's word)."""
    return {
        "arn": arn,
        "created_at": project.created_at,
        "id": project.id,
        "name": project.name,
        "object": "organization.project",
        "status": "archived" if project.archived else "active",
        "tags": dict(sorted(project.tags.items())),
    }
