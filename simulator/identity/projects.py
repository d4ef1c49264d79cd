"""An account's projects (DOCUMENTED): made, renamed, tagged, archived; and what an archived one no longer takes."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from simulator.clock import Clock
from simulator.errors import DEFAULT_PROJECT_STAYS, NOT_FOUND, PROJECT_ARCHIVED, TOO_MANY_PROJECTS, TOO_MANY_TAGS
from simulator.ids import Ids
from simulator.store.database import Page
from simulator.store.projects import DEFAULT_PROJECT_ID, ProjectStore, StoredProject

# DOCUMENTED: CloudFormation's schema of AWS::BedrockMantle::Project.
MAX_TAGS = 200


class ProjectRegistry:
    """The projects of every account. A project that another account has does not exist for this one.

    `default_project_id` is the id of the project that requests are about when they name none.
    """

    default_project_id: str = DEFAULT_PROJECT_ID

    def __init__(self, *, store: ProjectStore, clock: Clock, ids: Ids, region: str, max_projects: int) -> None:
        self._projects = store
        self._clock = clock
        self._ids = ids
        self._region = region
        self._most = max_projects

    def arn(self, account: str, project_id: str) -> str:
        """Return a project's ARN (form DOCUMENTED)."""
        return f"arn:aws:bedrock-mantle:{self._region}:{account}:project/{project_id}"

    def resolve_project(self, account: str, name: str) -> str:
        """Return the id of the project that a request names by `OpenAI-Project`; archived ones can still be read.

        Raises:
            ApiError: the account has no such project.
        """
        return self.get(account, name).id

    def get(self, account: str, project_id: str) -> StoredProject:
        """Return a project.

        Raises:
            ApiError: the account has none of that id.
        """
        project = self._projects.get(account, project_id)
        if project is None:
            raise NOT_FOUND(noun="project", name=project_id, hint="GET /v1/organization/projects lists them")
        return project

    def page(self, account: str, *, after: str | None, limit: int, include_archived: bool) -> Page[StoredProject]:
        """Return projects in the order in which they were made.

        Raises:
            UnknownCursorError: no project `after`.
        """
        return self._projects.page(account, after=after, limit=limit, include_archived=include_archived)

    def create(self, account: str, *, name: str, tags: Mapping[str, str]) -> StoredProject:
        """Make a project.

        Raises:
            ApiError: the account has as many as it may have, or these are too many tags.
        """
        ordinal = self._projects.count(account)
        if ordinal >= self._most:
            raise TOO_MANY_PROJECTS(most=self._most, hint="the setting max_projects; archived projects count too")
        now = self._clock.now()
        return self._kept(
            StoredProject(
                account=account,
                ordinal=ordinal,
                id=self._ids.project(account, ordinal),
                name=name,
                created_at=now,
                archived=False,
                tags=tags,
            )
        )

    def update(
        self,
        account: str,
        project_id: str,
        *,
        name: str | None,
        add_tags: Mapping[str, str],
        remove_tag_keys: Collection[str],
    ) -> StoredProject:
        """Rename a project and change its tags: first some go, then others come. A key that is not there may go too.

        Raises:
            ApiError: no such project, or an archived one, or too many tags.
        """
        project = self.get(account, project_id)
        if project.archived:
            raise PROJECT_ARCHIVED(project=project_id)
        kept = {key: value for key, value in project.tags.items() if key not in set(remove_tag_keys)}
        return self._kept(replace(project, name=name or project.name, tags={**kept, **add_tags}))

    def archive(self, account: str, project_id: str) -> StoredProject:
        """Archive a project for good. Archiving it again changes nothing (INFERRED).

        Raises:
            ApiError: no such project, or the default one.
        """
        project = self.get(account, project_id)
        if project.id == DEFAULT_PROJECT_ID:
            raise DEFAULT_PROJECT_STAYS(hint="requests that name no project are about it")
        return self._kept(replace(project, archived=True))

    def check_not_archived(self, arn: str) -> None:
        """Make sure that something can still be created in a project, given its ARN.

        Raises:
            ApiError: it is archived. OPENAI: an archived project cannot be used. INFERRED: what is in it can be read.
        """
        *_, account, resource = arn.split(":")
        if (
            resource == f"project/{DEFAULT_PROJECT_ID}"
        ):  # that one cannot be archived, and it is the one that matters for speed
            return
        project = self._projects.get(account, resource.removeprefix("project/"))
        if project and project.archived:
            raise PROJECT_ARCHIVED(project=project.id, hint="what is in it can still be read and cancelled")

    def _kept(self, project: StoredProject) -> StoredProject:
        if len(project.tags) > MAX_TAGS:
            raise TOO_MANY_TAGS(most=MAX_TAGS, got=len(project.tags), param="tags")
        self._projects.put(project, at=self._clock.now())
        return project
