"""`/v1/organization/projects` (DOCUMENTED). The projects of the caller's account."""

from simulator.routes.request_context import RequestContext
from simulator.store.projects import StoredProject
from simulator.wire.json_response import Json
from simulator.wire.pagination import PROJECT_PAGE_LIMITS, parse_flag, parse_page_request, render_page
from simulator.wire.projects import CreateProject, UpdateProject, render_project


async def create(context: RequestContext) -> Json:
    """Create a project."""
    request = await context.read_body(CreateProject)
    project = context.app.projects.create(context.caller.account, name=request.name, tags=request.tags)
    return _render(context, project)


async def list_projects(context: RequestContext) -> Json:
    """List projects: the default one first, then in the order of creation (DOCUMENTED by its example).

    OPENAI: archived ones only with `include_archived`.
    """
    request = parse_page_request(context.query, PROJECT_PAGE_LIMITS)
    include_archived = parse_flag(context.query, "include_archived")
    page = context.app.projects.page(
        context.caller.account, after=request.after, limit=request.limit, include_archived=include_archived
    )
    return render_page(page, lambda project: _render(context, project))


async def retrieve(context: RequestContext) -> Json:
    """Return one project."""
    return _render(context, context.app.projects.get(context.caller.account, context.path_parameter("project")))


async def update(context: RequestContext) -> Json:
    """Rename a project, add tags, remove tags."""
    request = await context.read_body(UpdateProject)
    project = context.app.projects.update(
        context.caller.account,
        context.path_parameter("project"),
        name=request.name,
        add_tags=request.add_tags,
        remove_tag_keys=request.remove_tag_keys,
    )
    return _render(context, project)


async def archive(context: RequestContext) -> Json:
    """Archive a project."""
    return _render(context, context.app.projects.archive(context.caller.account, context.path_parameter("project")))


def _render(context: RequestContext, project: StoredProject) -> Json:
    return render_project(project, arn=context.app.projects.arn(project.account, project.id))
