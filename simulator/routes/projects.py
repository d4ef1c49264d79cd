"""`/v1/organization/projects` (DOCUMENTED). They are the account's, whatever project the request itself is about."""

from simulator.routes.request_context import Call
from simulator.store.projects import StoredProject
from simulator.wire.json_response import Json
from simulator.wire.pagination import PROJECTS, flag, rendered_page, slice_of
from simulator.wire.projects import CreateProject, UpdateProject, rendered_project


async def create(call: Call) -> Json:
    """Make a project."""
    wanted = await call.read(CreateProject)
    made = call.house.organization.create(call.caller.account, name=wanted.name, tags=wanted.tags)
    return _rendered(call, made)


async def listing(call: Call) -> Json:
    """List projects: the default one first, then as they were made (DOCUMENTED by its example).

    OPENAI: archived ones only when they are asked for.
    """
    wanted = slice_of(call.query, PROJECTS)
    archived = flag(call.query, "include_archived")
    page = call.house.organization.page(
        call.caller.account, after=wanted.after, limit=wanted.limit, include_archived=archived
    )
    return rendered_page(page, lambda project: _rendered(call, project))


async def retrieve(call: Call) -> Json:
    """Describe one project."""
    return _rendered(call, call.house.organization.get(call.caller.account, call.named("project")))


async def update(call: Call) -> Json:
    """Rename a project, add tags, remove tags."""
    wanted = await call.read(UpdateProject)
    changed = call.house.organization.update(
        call.caller.account,
        call.named("project"),
        name=wanted.name,
        add_tags=wanted.add_tags,
        remove_tag_keys=wanted.remove_tag_keys,
    )
    return _rendered(call, changed)


async def archive(call: Call) -> Json:
    """Archive a project."""
    return _rendered(call, call.house.organization.archive(call.caller.account, call.named("project")))


def _rendered(call: Call, project: StoredProject) -> Json:
    return rendered_project(project, arn=call.house.organization.arn(project.account, project.id))
