"""Project requests and objects (DOCUMENTED; lengths from CloudFormation's schema of a project)."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from simulator.store.projects import StoredProject
from simulator.wire.json_response import Json
from simulator.wire.strict_model import StrictModel

_MAX_KEY_LENGTH: Final = 128
_MAX_VALUE_LENGTH: Final = 256


def _check_tags(tags: dict[str, str]) -> dict[str, str]:
    for key, value in tags.items():
        if not 0 < len(key) <= _MAX_KEY_LENGTH or len(value) > _MAX_VALUE_LENGTH:
            raise ValueError(
                f"a key takes 1 to {_MAX_KEY_LENGTH} characters and a value up to {_MAX_VALUE_LENGTH}; "
                f"see {key[:_MAX_KEY_LENGTH]!r}"
            )
    return tags


_Name = Annotated[str, Field(min_length=1, max_length=128)]
_Tags = Annotated[dict[str, str], AfterValidator(_check_tags)]


class CreateProject(StrictModel):
    """`POST /v1/organization/projects`."""

    name: _Name
    tags: _Tags = Field(default_factory=dict)


class UpdateProject(StrictModel):
    """`POST /v1/organization/projects/{project}`. Fields that are missing stay unchanged."""

    name: _Name | None = None
    add_tags: _Tags = Field(default_factory=dict)
    remove_tag_keys: list[str] = Field(default_factory=list)


def render_project(project: StoredProject, *, arn: str) -> Json:
    """Return a project object (DOCUMENTED, except for `archived`: OPENAI)."""
    return {
        "arn": arn,
        "created_at": project.created_at,
        "id": project.id,
        "name": project.name,
        "object": "organization.project",
        "status": "archived" if project.archived else "active",
        "tags": dict(sorted(project.tags.items())),
    }
