"""The IAM policy simulator: the decision on actions and resources, with the statements that it rests on.

The decision is that of `iam_evaluation`, which also guards jobs. The form of the results is that of EvaluationResult in
the IAM API reference (DOCUMENTED): one for each action, with the most restrictive decision on all resources.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

from simulator.identity.iam_evaluation import Evaluation, Identity, evaluate
from simulator.identity.policy_conditions import ConditionContext
from simulator.identity.policy_evaluation import (
    Decision,
    Effect,
    PolicyDocument,
    StatementReference,
    list_context_keys,
)

Result = dict[str, Any]

ALL_RESOURCES: Final = "*"

# OBSERVED: the type of a policy; "Resource Policy" and its id are INFERRED.
_IDENTITY_POLICY_TYPE: Final = "IAM Policy"
_RESOURCE_POLICY_TYPE: Final = "Resource Policy"
_RESOURCE_POLICY_ID: Final = "ResourcePolicy"

_DECISIONS: Final = {Effect.ALLOW: "allowed", Effect.DENY: "explicitDeny", Effect.IMPLICIT_DENY: "implicitDeny"}
_BY_RESTRICTION: Final = (Effect.DENY, Effect.IMPLICIT_DENY, Effect.ALLOW)

_RESOURCE_TEMPLATES: Final = {
    "bedrock-mantle": "arn:${Partition}:bedrock-mantle:${Region}:${Account}:project/${ProjectId}",
    "lambda": "arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}",
}
_ACTIONS_WITHOUT_RESOURCE: Final = frozenset({"bedrock-mantle:CallWithBearerToken"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPolicy:
    """A policy with the id that the simulator reports for it."""

    id: str
    document: PolicyDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySimulation:
    """Who acts, with which policies, and what is known of the request. `resource_policy` is None when there is none."""

    identity: Identity
    policies: tuple[NamedPolicy, ...]
    context: ConditionContext
    resource_policy: PolicyDocument | None = None
    resource_owner: str = ""

    def evaluate(self, action: str, resources: Sequence[str]) -> Result:
        """Return the result for an action. Without `resources`, it is evaluated on `*`.

        Raises:
            MalformedPolicy: a policy cannot be evaluated.
        """
        missing = self._missing_context_keys(action)
        by_resource = {resource: self._evaluate_one(action, resource) for resource in resources or (ALL_RESOURCES,)}
        evaluations = by_resource.values()
        effect = next(effect for effect in _BY_RESTRICTION if any(each.effect is effect for each in evaluations))
        matched = [each for one in evaluations if one.effect is effect for each in self._matched_statements(one)]
        result = {
            "EvalActionName": action,
            "EvalResourceName": _resource_template(action) if resources else ALL_RESOURCES,
            "EvalDecision": _DECISIONS[effect],
            "MatchedStatements": _without_duplicates(matched),
            "MissingContextValues": missing,
            **_boundary_detail(evaluations),
        }
        if not resources or list(resources) == [ALL_RESOURCES]:
            return result
        return result | {
            "EvalDecisionDetails": {},
            "ResourceSpecificResults": [
                {
                    "EvalResourceName": resource,
                    "EvalResourceDecision": _DECISIONS[evaluation.effect],
                    "MatchedStatements": self._matched_statements(evaluation),
                    "MissingContextValues": missing,
                    **self._decision_details(evaluation, resource),
                    **_boundary_detail([evaluation]),
                }
                for resource, evaluation in by_resource.items()
            ],
        }

    def _evaluate_one(self, action: str, resource: str) -> Evaluation:
        return evaluate(
            identity=replace(self.identity, identity_policies=tuple(policy.document for policy in self.policies)),
            action=action,
            resource=resource,
            account=self._account_of(resource),
            condition_context=self.context,
            resource_policies=() if self.resource_policy is None else (self.resource_policy,),
        )

    def _account_of(self, resource: str) -> str:
        parts = resource.split(":", 5)
        in_arn = parts[4] if len(parts) > 4 else ""  # noqa: PLR2004 - the place of the account in an ARN
        return in_arn if in_arn.isdigit() else self.resource_owner or self.identity.account

    def _missing_context_keys(self, action: str) -> list[str]:
        documents = [policy.document for policy in self.policies]
        documents += [each for each in (self.resource_policy, self.identity.permissions_boundary) if each is not None]
        known = {name.lower() for name in (*dict(self.identity.condition_context), *self.context)}
        return [key for key in list_context_keys(documents, action=action) if key.lower() not in known]

    def _matched_statements(self, evaluation: Evaluation) -> list[Result]:
        """Return the statements that denied the request or, if none did, those that allowed it."""
        effect = evaluation.effect
        identity_statements = [
            _statement(self.policies[reference.document], _IDENTITY_POLICY_TYPE, reference)
            for reference in _deciding(evaluation.by_identity, effect)
        ]
        resource_policy = NamedPolicy(id=_RESOURCE_POLICY_ID, document=self.resource_policy or {})
        return identity_statements + [
            _statement(resource_policy, _RESOURCE_POLICY_TYPE, reference)
            for reference in _deciding(evaluation.by_resource, effect)
        ]

    def _decision_details(self, evaluation: Evaluation, resource: str) -> Result:
        """Return what each kind of policy says, for a resource of another account (INFERRED: the names)."""
        if self._account_of(resource) == self.identity.account:
            return {}
        decisions = {
            _IDENTITY_POLICY_TYPE: evaluation.by_identity,
            _RESOURCE_POLICY_TYPE: evaluation.by_resource,
            "Permissions Boundary Policy": evaluation.by_boundary,
        }
        return {"EvalDecisionDetails": {name: _DECISIONS[each.effect] for name, each in decisions.items() if each}}


def _deciding(decision: Decision, effect: Effect) -> tuple[StatementReference, ...]:
    return decision.statements if decision.effect is effect else ()


def _boundary_detail(evaluations: Iterable[Evaluation]) -> Result:
    decisions = [each.by_boundary for each in evaluations if each.by_boundary]
    if not decisions:
        return {}
    allowed = all(decision.effect is Effect.ALLOW for decision in decisions)
    return {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": allowed}}


def _resource_template(action: str) -> str:
    """Return the form of the ARNs of an action's resources, for the actions that the simulator serves itself."""
    if action in _ACTIONS_WITHOUT_RESOURCE:
        return ALL_RESOURCES
    return _RESOURCE_TEMPLATES.get(action.partition(":")[0], ALL_RESOURCES)


def _without_duplicates(statements: Iterable[Result]) -> list[Result]:
    unique: list[Result] = []
    for statement in statements:
        if statement not in unique:
            unique.append(statement)
    return unique


def _statement(policy: NamedPolicy, policy_type: str, reference: StatementReference) -> Result:
    text = _text_of(policy.document)
    start, end = statement_spans(text)[reference.statement]
    return {
        "SourcePolicyId": policy.id,
        "SourcePolicyType": policy_type,
        "StartPosition": _position(text, start),
        "EndPosition": _position(text, end),
    }


def statement_spans(text: str) -> list[tuple[int, int]]:
    """Return where each statement of a valid policy begins and ends in its JSON text.

    A statement begins after the bracket or brace that opens it or its list, and ends after its closing brace
    (OBSERVED). A later statement of a list begins after the comma before it (INFERRED).
    """
    spans: list[tuple[int, int]] = []
    for name, start in _members(text):
        if name != "Statement":
            continue
        if text[start] == "{":
            spans = [(start + 1, _end_of_value(text, start))]
            continue
        spans = []
        begin = start + 1
        while (element := _skip_blanks(text, begin)) < len(text) and text[element] != "]":
            end = _end_of_value(text, element)
            spans.append((begin, end))
            comma = _skip_blanks(text, end)
            begin = comma + 1 if text[comma] == "," else comma
    return spans


def _members(text: str) -> Iterable[tuple[str, int]]:
    """Yield each name of a JSON object, and where its value begins."""
    position = _skip_blanks(text, 0) + 1
    while text[position := _skip_blanks(text, position)] != "}":
        if text[position] == ",":
            position = _skip_blanks(text, position + 1)
        name, end = _DECODER.raw_decode(text, position)
        start = _skip_blanks(text, _skip_blanks(text, end) + 1)
        yield str(name), start
        position = _end_of_value(text, start)


_DECODER: Final = json.JSONDecoder()
_BLANKS: Final = " \t\r\n"


def _end_of_value(text: str, start: int) -> int:
    return _DECODER.raw_decode(text, start)[1]


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in _BLANKS:
        position += 1
    return position


def _text_of(document: PolicyDocument) -> str:
    if isinstance(document, Mapping):
        return json.dumps(document)
    return unquote(document) if document.lstrip().startswith("%") else document


def _position(text: str, offset: int) -> Result:
    before = text[:offset]
    return {"Line": before.count("\n") + 1, "Column": offset - (before.rfind("\n") + 1) + 1}
