"""An account's projects (DOCUMENTED): create, rename, tag and archive them, and refuse work in an archived one."""

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
    """The projects of every account. An account sees its own projects only.

    `default_project_id` is the id of the project of requests that name none.
    """

    default_project_id: str = DEFAULT_PROJECT_ID

    def __init__(self, *, store: ProjectStore, clock: Clock, ids: Ids, region: str, max_projects: int) -> None:
        self._projects = store
        self._clock = clock
        self._ids = ids
        self._region = region
        self._max_projects = max_projects

    def arn(self, account: str, project_id: str) -> str:
        """Return a project's ARN (form DOCUMENTED)."""
        return f"arn:aws:bedrock-mantle:{self._region}:{account}:project/{project_id}"

    def resolve_project(self, account: str, name: str) -> str:
        """Return the id of the project in a request's `OpenAI-Project` header; archived projects can still be read.

        Raises:
            ApiError: the account has no such project.
        """
        return self.get(account, name).id

    def get(self, account: str, project_id: str) -> StoredProject:
        """Return a project.

        Raises:
            ApiError: the account has no project with that id.
        """
        project = self._projects.get(account, project_id)
        if project is None:
            raise NOT_FOUND(noun="project", name=project_id, hint="GET /v1/organization/projects lists them")
        return project

    def page(self, account: str, *, after: str | None, limit: int, include_archived: bool) -> Page[StoredProject]:
        """Return projects, oldest first.

        Raises:
            UnknownCursorError: there is no project `after`.
        """
        return self._projects.page(account, after=after, limit=limit, include_archived=include_archived)

    def create(self, account: str, *, name: str, tags: Mapping[str, str]) -> StoredProject:
        """Create a project.

        Raises:
            ApiError: the account has the maximum number of projects, or there are too many tags.
        """
        ordinal = self._projects.count(account)
        if ordinal >= self._max_projects:
            raise TOO_MANY_PROJECTS(
                most=self._max_projects, hint="the setting max_projects; archived projects count too"
            )
        now = self._clock.now()
        return self._save(
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
        """Rename a project and change its tags: remove, then add. Removing an absent key is no error.

        Raises:
            ApiError: the project does not exist or is archived, or there are too many tags.
        """
        project = self.get(account, project_id)
        if project.archived:
            raise PROJECT_ARCHIVED(project=project_id)
        tags = {key: value for key, value in project.tags.items() if key not in set(remove_tag_keys)}
        return self._save(replace(project, name=name or project.name, tags={**tags, **add_tags}))

    def archive(self, account: str, project_id: str) -> StoredProject:
        """Archive a project permanently. Archiving it again changes nothing (INFERRED).

        Raises:
            ApiError: the project does not exist, or is the default one.
        """
        project = self.get(account, project_id)
        if project.id == DEFAULT_PROJECT_ID:
            raise DEFAULT_PROJECT_STAYS(hint="requests that name no project use it")
        return self._save(replace(project, archived=True))

    def check_not_archived(self, arn: str) -> None:
        """Raise an error when the project with this ARN is archived.

        Raises:
            ApiError: it is archived. OPENAI: an archived project cannot be used. INFERRED: its contents can be read.
        """
        *_, account, resource = arn.split(":")
        # The default project cannot be archived. Most requests use it, so they need no query.
        if resource == f"project/{DEFAULT_PROJECT_ID}":
            return
        project = self._projects.get(account, resource.removeprefix("project/"))
        if project and project.archived:
            raise PROJECT_ARCHIVED(project=project.id, hint="its contents can still be read and its jobs cancelled")

    def _save(self, project: StoredProject) -> StoredProject:
        if len(project.tags) > MAX_TAGS:
            raise TOO_MANY_TAGS(most=MAX_TAGS, got=len(project.tags), param="tags")
        self._projects.put(project, at=self._clock.now())
        return project
