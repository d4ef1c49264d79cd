"""IAM operations that moto lacks: service-specific credentials (long-term Bedrock keys) and users' boundaries.

Importing this imports moto, so whoever mounts does it, and nobody else.
"""

from dataclasses import replace
from typing import Any, Final

from moto.core.responses import ActionResult, EmptyResult
from moto.iam import urls
from moto.iam.exceptions import (
    DeleteConflictException,
    IAMException,
    InvalidInput,
    LimitExceededException,
    NotFoundException,
    ValidationError,
)
from moto.iam.models import User
from moto.iam.responses import IamResponse

from simulator.aws.moto_patches import caller_utcnow
from simulator.aws.moto_state import current_seed
from simulator.aws.service_credentials import (
    BEDROCK_SERVICE_NAME,
    ServiceCredential,
    create_credential,
    list_credentials,
    set_credentials,
)

MAX_CREDENTIALS_PER_USER: Final = 2  # DOCUMENTED: sets of credentials of one service for one user
_DAYS: Final = range(1, 36_601)  # DOCUMENTED: credentialAgeDays
_BOUNDARY: Final = "permissions_boundary"  # what moto's serializer looks for, as it does for roles


class ServiceNotSupported(IAMException):
    """The service has no such credentials, or not here."""

    code = "NotSupportedService"


class IamOperations(IamResponse):
    """moto's IAM and what it lacks."""

    def create_service_specific_credential(self) -> ActionResult:
        """Make a key; its secret is told this once."""
        user = self.backend.get_user(self._get_param("UserName"))
        service, days = self._get_param("ServiceName"), self._get_int_param("CredentialAgeDays")
        if service != BEDROCK_SERVICE_NAME:
            raise ServiceNotSupported(f"No such service {service} is supported here; {BEDROCK_SERVICE_NAME} is.")
        if days is not None and days not in _DAYS:
            raise ValidationError("CredentialAgeDays must be between 1 and 36600.")
        if len(list_credentials(user)) >= MAX_CREDENTIALS_PER_USER:
            raise LimitExceededException(
                f"Cannot exceed quota for ServiceSpecificCredentialsPerUser: {MAX_CREDENTIALS_PER_USER}"
            )
        made = create_credential(user, days=days, now=caller_utcnow(), seed=current_seed())
        return ActionResult({"ServiceSpecificCredential": _with_secret(made)})

    def list_service_specific_credentials(self) -> ActionResult:
        """List them without their secrets."""
        service = self._get_param("ServiceName", BEDROCK_SERVICE_NAME)
        users = list(self.backend.users.values()) if self._get_bool_param("AllUsers") else [self._user()]
        found = [
            credential for user in users for credential in list_credentials(user) if service == BEDROCK_SERVICE_NAME
        ]
        return ActionResult({"ServiceSpecificCredentials": [_described(each) for each in found], "IsTruncated": False})

    def update_service_specific_credential(self) -> ActionResult:
        """Switch one on or off."""
        user, credential = self._credential()
        status = self._get_param("Status")
        if status not in {"Active", "Inactive"}:
            raise ValidationError(f"Status must be Active or Inactive, not {status}.")
        _put(user, replace(credential, active=status == "Active"))
        return EmptyResult()

    def reset_service_specific_credential(self) -> ActionResult:
        """Give one another secret; the one before is void."""
        user, credential = self._credential()
        _put(user, credential.with_new_secret())
        return ActionResult({"ServiceSpecificCredential": _with_secret(credential.with_new_secret())})

    def delete_service_specific_credential(self) -> ActionResult:
        """Forget one."""
        user, credential = self._credential()
        set_credentials(user, (each for each in list_credentials(user) if each.id != credential.id))
        return EmptyResult()

    def put_user_permissions_boundary(self) -> ActionResult:
        """Set a user's boundary."""
        user = self.backend.get_user(self._get_param("UserName"))
        self._bound(user, self._get_param("PermissionsBoundary"))
        return EmptyResult()

    def delete_user_permissions_boundary(self) -> ActionResult:
        """Take it away."""
        vars(self.backend.get_user(self._get_param("UserName"))).pop(_BOUNDARY, None)
        return EmptyResult()

    def create_user(self) -> ActionResult:
        """Make a user as moto does, and set the boundary that moto ignores."""
        boundary = self._get_param("PermissionsBoundary")
        if boundary:
            self._check_boundary(boundary)
        made = super().create_user()
        if boundary:
            self._bound(self.backend.get_user(self._get_param("UserName")), boundary)
        return made

    def delete_user(self) -> ActionResult:
        """Delete a user as moto does, unless there are credentials that AWS asks to delete before."""
        user = self.backend.get_user(self._get_param("UserName"))
        if list_credentials(user):
            raise DeleteConflictException("Cannot delete entity, must remove service specific credentials first.")
        return super().delete_user()

    def _check_boundary(self, boundary: str) -> None:
        if not self.backend.policy_arn_regex.match(boundary):
            raise InvalidInput(f"ARN {boundary} is not valid.")

    def _bound(self, user: User, boundary: str) -> None:
        self._check_boundary(boundary)
        vars(user)[_BOUNDARY] = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}

    def _user(self) -> User:
        """Return the user that the request names or, as IAM has it, the one who sent it."""
        name = self._get_param("UserName")
        user = self.backend.get_user(name) if name else self.backend.get_user_from_access_key_id(self.get_access_key())
        if user is None:
            raise NotFoundException("The request names no user, and none sent it.")
        return user

    def _credential(self) -> tuple[User, ServiceCredential]:
        user, wanted = self._user(), self._get_param("ServiceSpecificCredentialId")
        for credential in list_credentials(user):
            if credential.id == wanted:
                return user, credential
        raise NotFoundException(f"Service specific credential {wanted} was not found.")


def install_iam_operations() -> None:
    """Have moto answer IAM requests with these operations as well."""
    for path in urls.url_paths:
        urls.url_paths[path] = IamOperations.dispatch


def _put(user: User, changed: ServiceCredential) -> None:
    set_credentials(user, (changed if each.id == changed.id else each for each in list_credentials(user)))


def _described(credential: ServiceCredential) -> dict[str, Any]:
    ends = {"ExpirationDate": credential.expires} if credential.expires else {}
    return {
        "CreateDate": credential.created,
        "ServiceCredentialAlias": credential.alias,
        "ServiceName": BEDROCK_SERVICE_NAME,
        "ServiceSpecificCredentialId": credential.id,
        "Status": credential.status(caller_utcnow()),
        "UserName": credential.user,
        **ends,
    }


def _with_secret(credential: ServiceCredential) -> dict[str, Any]:
    return _described(credential) | {"ServiceCredentialSecret": credential.api_key}
