"""IAM operations that moto lacks: long-term Bedrock keys, the boundaries of users, and the policy simulator.

Importing this module imports moto; only `moto_app` does.
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

from simulator.aws import iam_simulation
from simulator.aws.moto_patches import caller_utcnow
from simulator.aws.moto_state import current_seed
from simulator.aws.service_credentials import (
    BEDROCK_SERVICE_NAME,
    ServiceCredential,
    create_credential,
    list_credentials,
    set_credentials,
)

MAX_CREDENTIALS_PER_USER: Final = 2  # DOCUMENTED: credentials of one service for one user
_AGE_DAYS: Final = range(1, 36_601)  # DOCUMENTED: credentialAgeDays
_BOUNDARY_ATTRIBUTE: Final = "permissions_boundary"  # moto's serializer reads this attribute of roles and users


class ServiceNotSupported(IAMException):
    """The service has no service-specific credentials, or the simulator does not support them."""

    code = "NotSupportedService"


class IamOperations(IamResponse):
    """moto's IAM with the missing operations."""

    def create_service_specific_credential(self) -> ActionResult:
        """Create a key. Only this response contains its secret."""
        user = self.backend.get_user(self._get_param("UserName"))
        service, days = self._get_param("ServiceName"), self._get_int_param("CredentialAgeDays")
        if service != BEDROCK_SERVICE_NAME:
            raise ServiceNotSupported(f"No such service {service} is supported here; {BEDROCK_SERVICE_NAME} is.")
        if days is not None and days not in _AGE_DAYS:
            raise ValidationError("CredentialAgeDays must be between 1 and 36600.")
        if len(list_credentials(user)) >= MAX_CREDENTIALS_PER_USER:
            raise LimitExceededException(
                f"Cannot exceed quota for ServiceSpecificCredentialsPerUser: {MAX_CREDENTIALS_PER_USER}"
            )
        credential = create_credential(user, days=days, now=caller_utcnow(), seed=current_seed())
        return ActionResult({"ServiceSpecificCredential": _metadata_with_secret(credential)})

    def list_service_specific_credentials(self) -> ActionResult:
        """List the keys without their secrets."""
        service = self._get_param("ServiceName", BEDROCK_SERVICE_NAME)
        users = list(self.backend.users.values()) if self._get_bool_param("AllUsers") else [self._requested_user()]
        credentials = [
            credential for user in users for credential in list_credentials(user) if service == BEDROCK_SERVICE_NAME
        ]
        return ActionResult(
            {"ServiceSpecificCredentials": [_metadata(credential) for credential in credentials], "IsTruncated": False}
        )

    def update_service_specific_credential(self) -> ActionResult:
        """Activate or deactivate a key."""
        user, credential = self._requested_credential()
        status = self._get_param("Status")
        if status not in {"Active", "Inactive"}:
            raise ValidationError(f"Status must be Active or Inactive, not {status}.")
        _replace_credential(user, replace(credential, active=status == "Active"))
        return EmptyResult()

    def reset_service_specific_credential(self) -> ActionResult:
        """Replace the secret of a key."""
        user, credential = self._requested_credential()
        _replace_credential(user, credential.with_new_secret())
        return ActionResult({"ServiceSpecificCredential": _metadata_with_secret(credential.with_new_secret())})

    def delete_service_specific_credential(self) -> ActionResult:
        """Delete a key."""
        user, deleted = self._requested_credential()
        set_credentials(user, (credential for credential in list_credentials(user) if credential.id != deleted.id))
        return EmptyResult()

    def put_user_permissions_boundary(self) -> ActionResult:
        """Set a user's permissions boundary."""
        user = self.backend.get_user(self._get_param("UserName"))
        self._set_boundary(user, self._get_param("PermissionsBoundary"))
        return EmptyResult()

    def delete_user_permissions_boundary(self) -> ActionResult:
        """Delete a user's permissions boundary."""
        vars(self.backend.get_user(self._get_param("UserName"))).pop(_BOUNDARY_ATTRIBUTE, None)
        return EmptyResult()

    def create_user(self) -> ActionResult:
        """Create a user with moto, and set the boundary, which moto ignores."""
        boundary = self._get_param("PermissionsBoundary")
        if boundary:
            self._check_boundary(boundary)
        response = super().create_user()
        if boundary:
            self._set_boundary(self.backend.get_user(self._get_param("UserName")), boundary)
        return response

    def delete_user(self) -> ActionResult:
        """Delete a user with moto, unless it has service-specific credentials: AWS requires their deletion first."""
        user = self.backend.get_user(self._get_param("UserName"))
        if list_credentials(user):
            raise DeleteConflictException("Cannot delete entity, must remove service specific credentials first.")
        return super().delete_user()

    def simulate_principal_policy(self) -> ActionResult:
        """Return what a user, a group or a role may do."""
        return ActionResult(iam_simulation.simulate_principal_policy(self.params, account=self.current_account))

    def simulate_custom_policy(self) -> ActionResult:
        """Return what policies in the request allow."""
        return ActionResult(iam_simulation.simulate_custom_policy(self.params, account=self.current_account))

    def _check_boundary(self, boundary: str) -> None:
        if not self.backend.policy_arn_regex.match(boundary):
            raise InvalidInput(f"ARN {boundary} is not valid.")

    def _set_boundary(self, user: User, boundary: str) -> None:
        self._check_boundary(boundary)
        vars(user)[_BOUNDARY_ATTRIBUTE] = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}

    def _requested_user(self) -> User:
        """Return the user that the request names or, without a name, the user who sent it."""
        name = self._get_param("UserName")
        user = self.backend.get_user(name) if name else self.backend.get_user_from_access_key_id(self.get_access_key())
        if user is None:
            raise NotFoundException("The request names no user, and no user sent it.")
        return user

    def _requested_credential(self) -> tuple[User, ServiceCredential]:
        user, credential_id = self._requested_user(), self._get_param("ServiceSpecificCredentialId")
        for credential in list_credentials(user):
            if credential.id == credential_id:
                return user, credential
        raise NotFoundException(f"Service specific credential {credential_id} was not found.")


def install_iam_operations() -> None:
    """Make moto's IAM use these operations."""
    for path in urls.url_paths:
        urls.url_paths[path] = IamOperations.dispatch


def _replace_credential(user: User, replacement: ServiceCredential) -> None:
    set_credentials(
        user, (replacement if credential.id == replacement.id else credential for credential in list_credentials(user))
    )


def _metadata(credential: ServiceCredential) -> dict[str, Any]:
    expiration = {"ExpirationDate": credential.expires} if credential.expires else {}
    return {
        "CreateDate": credential.created,
        "ServiceCredentialAlias": credential.alias,
        "ServiceName": BEDROCK_SERVICE_NAME,
        "ServiceSpecificCredentialId": credential.id,
        "Status": credential.status(caller_utcnow()),
        "UserName": credential.user,
        **expiration,
    }


def _metadata_with_secret(credential: ServiceCredential) -> dict[str, Any]:
    return _metadata(credential) | {"ServiceCredentialSecret": credential.api_key}
