"""`/v1/organization/projects` (DOCUMENTED). They are the account's, whatever project the request itself is about."""

from simulator.routes.request_context import RequestContext
from simulator.store.projects import StoredProject
from simulator.wire.json_response import Json
from simulator.wire.pagination import PROJECT_PAGE_LIMITS, parse_flag, parse_page_request, render_page
from simulator.wire.projects import CreateProject, UpdateProject, render_project


async def create(context: RequestContext) -> Json:
    """Make a project."""
    wanted = await context.read_body(CreateProject)
    made = context.app.projects.create(context.caller.account, name=wanted.name, tags=wanted.tags)
    return _rendered(context, made)


async def list_projects(context: RequestContext) -> Json:
    """List projects: the default one first, then as they were made (DOCUMENTED by its example).

    OPENAI: archived ones only when they are asked for.
    """
    wanted = parse_page_request(context.query, PROJECT_PAGE_LIMITS)
    archived = parse_flag(context.query, "include_archived")
    page = context.app.projects.page(
        context.caller.account, after=wanted.after, limit=wanted.limit, include_archived=archived
    )
    return render_page(page, lambda project: _rendered(context, project))


async def retrieve(context: RequestContext) -> Json:
    """Describe one project."""
    return _rendered(context, context.app.projects.get(context.caller.account, context.path_parameter("project")))


async def update(context: RequestContext) -> Json:
    """Rename a project, add tags, remove tags."""
    wanted = await context.read_body(UpdateProject)
    changed = context.app.projects.update(
        context.caller.account,
        context.path_parameter("project"),
        name=wanted.name,
        add_tags=wanted.add_tags,
        remove_tag_keys=wanted.remove_tag_keys,
    )
    return _rendered(context, changed)


async def archive(context: RequestContext) -> Json:
    """Archive a project."""
    return _rendered(context, context.app.projects.archive(context.caller.account, context.path_parameter("project")))


def _rendered(context: RequestContext, project: StoredProject) -> Json:
    return render_project(project, arn=context.app.projects.arn(project.account, project.id))
