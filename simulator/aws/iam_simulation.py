"""SimulatePrincipalPolicy and SimulateCustomPolicy: reads the request and the account, and pages the results.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html (DOCUMENTED). Importing this module
imports moto; only `iam_operations` does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from moto.iam.exceptions import (
    IAMException,
    InvalidInput,
    MalformedPolicyDocument,
    NotFoundException,
    ValidationError,
)
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from simulator.aws.iam_identities import load_identity, named_policies
from simulator.identity.iam_evaluation import Identity
from simulator.identity.policy_conditions import ConditionContext, MalformedPolicy
from simulator.identity.policy_evaluation import Principal, evaluate_policies
from simulator.identity.policy_simulation import ALL_RESOURCES, NamedPolicy, PolicySimulation

DEFAULT_MAX_ITEMS: Final = 100
_MAX_ITEMS: Final = range(1, 1_001)
_ACTION: Final = re.compile(r"[a-zA-Z0-9-]+:[a-zA-Z0-9]+")
_ENTITY: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(?P<kind>user|group|role)/(?:.*/)?(?P<name>[^/]+)")
_CONTEXT_TYPES: Final = {
    name for kind in ("string", "numeric", "boolean", "ip", "binary", "date") for name in (kind, f"{kind}List")
}
_UNSUPPORTED: Final = ("PolicyExclusionList", "OrderedOrganizationPolicyInputList")

Parameters = Mapping[str, Any]


class PolicyEvaluationError(IAMException):
    """A policy of the account cannot be evaluated."""

    code = "PolicyEvaluation"


def simulate_principal_policy(parameters: Parameters, *, account: str) -> dict[str, Any]:
    """Return the results of a request about a user, a group or a role of `account`."""
    source, policies = _load_entity(_required(parameters, "PolicySourceArn"), account=account)
    return _simulate(parameters, source, (*policies, *_input_policies(parameters, "PolicyInputList")))


def simulate_custom_policy(parameters: Parameters, *, account: str) -> dict[str, Any]:
    """Return the results of a request about policies that it contains itself."""
    policies = _input_policies(parameters, "PolicyInputList")
    if not policies:
        raise _missing("policyInputList")
    return _simulate(parameters, Identity(arn="", account=account), policies)


def _simulate(parameters: Parameters, source: Identity, policies: tuple[NamedPolicy, ...]) -> dict[str, Any]:
    for name in _UNSUPPORTED:
        if parameters.get(name):
            raise InvalidInput(f"The simulator does not support {name}.")
    actions, resources = _actions(parameters), _resources(parameters)
    boundaries = _input_policies(parameters, "PermissionsBoundaryPolicyInputList")
    if len(boundaries) > 1:
        raise InvalidInput("Only one permissions boundary can be simulated.")
    boundary = boundaries[0].document if boundaries else source.permissions_boundary
    resource_policy = parameters.get("ResourcePolicy")
    if resource_policy is not None:
        _check_resource_policy(resource_policy)
    simulation = PolicySimulation(
        identity=replace(_caller(parameters, source), permissions_boundary=boundary),
        policies=policies,
        context=_context(parameters.get("ContextEntries") or ()),
        resource_policy=resource_policy,
        resource_owner=_account_in(parameters.get("ResourceOwner") or ""),
    )
    start, end = _page(parameters, len(actions))
    try:
        results = [simulation.evaluate(action, resources) for action in actions[start:end]]
    except MalformedPolicy as error:
        raise PolicyEvaluationError(f"A policy cannot be evaluated: {error}") from error
    is_truncated = end < len(actions)
    return {"EvaluationResults": results, "IsTruncated": is_truncated} | ({"Marker": str(end)} if is_truncated else {})


def _load_entity(arn: str, *, account: str) -> tuple[Identity, tuple[NamedPolicy, ...]]:
    """Return a user, a group or a role, and its policies.

    Raises:
        InvalidInput: the ARN is of none of these.
        NotFoundException: it does not exist.
    """
    kind, name = _parse_entity(arn)
    policies = named_policies(arn) if arn.split(":")[4] == account else None
    if policies is None:
        raise NotFoundException(f"The {kind} with name {name} cannot be found.")
    return Identity(arn=arn, account=account) if kind == "group" else load_identity(arn), policies


def _parse_entity(arn: str) -> tuple[str, str]:
    match = _ENTITY.fullmatch(arn)
    if match is None:
        raise InvalidInput(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")  # OBSERVED
    return match["kind"], match["name"]


def _caller(parameters: Parameters, source: Identity) -> Identity:
    """Return the simulated caller: the source itself, or another entity as if it had the policies of the source."""
    arn = parameters.get("CallerArn")
    if arn is None or arn == source.arn:
        if parameters.get("ResourcePolicy") and not source.principal_arns:
            raise InvalidInput("CallerArn is required with a ResourcePolicy when no user and no role is simulated.")
        return source
    _parse_entity(arn)
    return load_identity(arn)


def _actions(parameters: Parameters) -> Sequence[str]:
    actions: Sequence[str] = parameters.get("ActionNames") or ()
    if not actions:
        raise _missing("actionNames")
    if invalid := [action for action in actions if not _ACTION.fullmatch(action)]:
        raise InvalidInput(f"Invalid action name: {invalid[0]}. Give a service and an operation, as iam:CreateUser.")
    return actions


def _resources(parameters: Parameters) -> Sequence[str]:
    resources: Sequence[str] = parameters.get("ResourceArns") or ()
    if invalid := [name for name in resources if name != ALL_RESOURCES and not name.startswith("arn:")]:
        raise InvalidInput(f"ResourceNames are not in a valid ARN format: {', '.join(invalid)}.")  # OBSERVED
    return resources


def _input_policies(parameters: Parameters, name: str) -> tuple[NamedPolicy, ...]:
    documents: Sequence[str] = parameters.get(name) or ()
    for document in documents:
        _check_policy(document)
    return tuple(
        NamedPolicy(id=f"{name}.{number}", document=document) for number, document in enumerate(documents, start=1)
    )


def _check_policy(document: str) -> None:
    try:
        IAMPolicyDocumentValidator(document).validate()
    except MalformedPolicyDocument as error:
        raise InvalidInput(f"A policy is malformed: {error.message}") from error


def _check_resource_policy(document: str) -> None:
    try:
        evaluate_policies([document], action="iam:Any", resource=ALL_RESOURCES, principal=Principal())
    except MalformedPolicy as error:
        raise InvalidInput(f"The resource policy is malformed: {error}") from error


def _context(entries: Sequence[Parameters]) -> ConditionContext:
    context: dict[str, str | Sequence[str]] = {}
    for entry in entries:
        name, values, kind = entry.get("ContextKeyName"), entry.get("ContextKeyValues"), entry.get("ContextKeyType")
        if not name or not values or kind not in _CONTEXT_TYPES:
            raise InvalidInput(
                f"Invalid context entry {name}: it needs ContextKeyName, ContextKeyValues and ContextKeyType, one of "
                f"{', '.join(sorted(_CONTEXT_TYPES))}."
            )
        context[name] = tuple(values) if len(values) > 1 or str(kind).endswith("List") else values[0]
    return context


def _page(parameters: Parameters, count: int) -> tuple[int, int]:
    """Return the first action of the page and the one after its last. The marker of a page is its first action."""
    try:
        size, start = int(parameters.get("MaxItems") or DEFAULT_MAX_ITEMS), int(parameters.get("Marker") or 0)
    except ValueError:
        size, start = 0, 0
    if size not in _MAX_ITEMS or not 0 <= start < count:
        raise ValidationError("MaxItems must be from 1 to 1000, and Marker that of the page before.")
    return start, min(start + size, count)


def _account_in(owner: str) -> str:
    """Return the account of a ResourceOwner, which may be an ARN."""
    return owner.split(":")[4] if owner.count(":") > 3 else owner  # noqa: PLR2004 - the place of the account in an ARN


def _required(parameters: Parameters, name: str) -> str:
    value = parameters.get(name)
    if not value:
        raise _missing(name[0].lower() + name[1:])
    return str(value)


def _missing(member: str) -> ValidationError:
    return ValidationError(
        f"1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    )
