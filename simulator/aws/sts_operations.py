"""What moto's STS answers for nobody in particular: who calls, and temporary credentials of users.

Importing this imports moto, so whoever mounts does it, and nobody else.
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

_USUAL: Final = 43_200  # seconds, for want of another wish
_LASTING: Final = range(900, 129_601)  # DOCUMENTED: DurationSeconds of both operations


class StsOperations(TokenResponse):
    """moto's STS, with temporary credentials that stand for whoever asked for them."""

    def get_caller_identity(self) -> ActionResult:
        """Say who calls: a key that IAM does not know stands for the root, as everywhere in the simulator."""
        holder = find_credential(self.get_access_key())
        account = holder.account if holder else self.current_account
        identity = load_identity(holder.arn if holder else root_arn(account))
        user_id = account if identity.is_root else dict(identity.condition_context).get("aws:userid")
        if user_id is None:  # a role that moto let somebody assume although it is not there
            return super().get_caller_identity()
        return ActionResult({"UserId": user_id, "Account": account, "Arn": identity.arn})

    def get_session_token(self) -> ActionResult:
        """Make temporary credentials for the caller: a user or, for a key that IAM does not know, the root."""
        return ActionResult({"Credentials": self._made_for(self._asking())})

    def get_federation_token(self) -> ActionResult:
        """Make temporary credentials of a federated user, who may do what the caller and the given policy both allow.

        DOCUMENTED: without a policy that is nothing, unless a resource's policy names the federated user.
        """
        name, policy = self._get_param("Name"), self._get_param("Policy")
        described = super().get_federation_token().result
        arn = f"arn:aws:sts::{self.current_account}:federated-user/{name}"
        made = self._made_for(arn)
        record_federated_user(arn, account=self.current_account, issuer_arn=self._asking(), policy=policy)
        return ActionResult({**cast("dict[str, object]", described), "Credentials": made})

    def _asking(self) -> str:
        holder = find_credential(self.get_access_key())
        return holder.arn if holder else root_arn(self.current_account)

    def _made_for(self, arn: str) -> dict[str, object]:
        duration = self._get_int_param("DurationSeconds", _USUAL)
        if duration not in _LASTING:
            raise STSValidationError(
                f"1 validation error detected: Value '{duration}' at 'durationSeconds' failed to satisfy constraint:"
                f" Member must be between {_LASTING[0]} and {_LASTING[-1]}"
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
    """Have moto answer STS requests with these operations."""
    for path in urls.url_paths:
        urls.url_paths[path] = StsOperations.dispatch
