"""Replaces the STS operations that return constants in moto: the caller's identity and temporary credentials.

Importing this module imports moto; only `moto_app` does.
"""

from datetime import UTC
from typing import Final, cast

from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.sts import urls
from moto.sts.exceptions import STSValidationError
from moto.sts.responses import TokenResponse
from moto.sts.utils import random_session_token

from simulator.aws.access_keys import USER_SESSION_ATTRIBUTE, find_credential
from simulator.aws.iam_identities import load_identity, record_federated_user
from simulator.identity.credentials import Credential
from simulator.identity.iam_evaluation import root_arn

_DEFAULT_SECONDS: Final = 43_200  # DOCUMENTED: the default of both operations
_DURATION_RANGE: Final = range(900, 129_601)  # DOCUMENTED: DurationSeconds of both operations


class StsOperations(TokenResponse):
    """moto's STS with temporary credentials that belong to the caller."""

    def get_caller_identity(self) -> ActionResult:
        """Return the caller's identity. An unknown access key is the root's, as everywhere in the simulator."""
        credential = find_credential(self.get_access_key())
        account = credential.account if credential else self.current_account
        identity = load_identity(credential.arn if credential else root_arn(account))
        user_id = account if identity.is_root else dict(identity.condition_context).get("aws:userid")
        if user_id is None:  # moto allows assuming a role that does not exist
            return super().get_caller_identity()
        return ActionResult({"UserId": user_id, "Account": account, "Arn": identity.arn})

    def get_session_token(self) -> ActionResult:
        """Create temporary credentials for the caller: a user or, with an unknown access key, the root."""
        return ActionResult({"Credentials": self._create_credentials(self._caller_arn())})

    def get_federation_token(self) -> ActionResult:
        """Create temporary credentials of a federated user, who may do what both the caller and the policy may do.

        DOCUMENTED: without a policy the user may do nothing, unless a resource policy names the user.
        """
        name, policy = self._get_param("Name"), self._get_param("Policy")
        result = super().get_federation_token().result
        arn = f"arn:aws:sts::{self.current_account}:federated-user/{name}"
        credentials = self._create_credentials(arn)
        record_federated_user(arn, account=self.current_account, issuer_arn=self._caller_arn(), policy=policy)
        return ActionResult({**cast("dict[str, object]", result), "Credentials": credentials})

    def _caller_arn(self) -> str:
        credential = find_credential(self.get_access_key())
        return credential.arn if credential else root_arn(self.current_account)

    def _create_credentials(self, arn: str) -> dict[str, object]:
        duration = self._get_int_param("DurationSeconds", _DEFAULT_SECONDS)
        if duration not in _DURATION_RANGE:
            raise STSValidationError(
                f"1 validation error detected: Value '{duration}' at 'durationSeconds' failed to satisfy constraint:"
                f" Member must be between {_DURATION_RANGE[0]} and {_DURATION_RANGE[-1]}"
            )
        token = self.backend.get_session_token(duration=duration)
        key = iam_backends[self.current_account][self.partition].create_temp_access_key()
        session = Credential(
            secret=key.secret_access_key,
            arn=arn,
            account=self.current_account,
            session_token=random_session_token(),
            expires_at=token.expiration.replace(tzinfo=UTC).timestamp(),
        )
        vars(key)[USER_SESSION_ATTRIBUTE] = session
        return {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": session.secret,
            "SessionToken": session.session_token,
            "Expiration": token.expiration,
        }


def install_sts_operations() -> None:
    """Make moto's STS use these operations."""
    for path in urls.url_paths:
        urls.url_paths[path] = StsOperations.dispatch
