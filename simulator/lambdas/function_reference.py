"""Parses the names and ARNs of Lambda functions."""

import re
from dataclasses import dataclass

from simulator.lambdas.errors import InvalidParameter

_NAME = re.compile(
    r"(?:(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:)?(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_\-.]{1,140})(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9_\-]{1,128}))?"
)
"""FunctionName in the Invoke API reference (DOCUMENTED): name, partial or full ARN, with or without a qualifier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionReference:
    """A function with its version or alias; `qualifier` None means $LATEST."""

    account: str
    region: str
    name: str
    qualifier: str | None

    @property
    def unqualified_arn(self) -> str:
        """The function's ARN."""
        return f"arn:{_partition(self.region)}:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def arn(self) -> str:
        """The ARN with the qualifier, if there is one."""
        return f"{self.unqualified_arn}:{self.qualifier}" if self.qualifier else self.unqualified_arn


def parse_function_reference(
    name_or_arn: str, *, qualifier: str | None, account: str, region: str
) -> FunctionReference:
    """Parse a function's name or ARN. A missing account or region is the caller's `account` or `region`.

    Raises:
        InvalidParameter: it is neither a name nor an ARN of a function, or its qualifier differs from `qualifier`.
    """
    match = _NAME.fullmatch(name_or_arn)
    if match is None:
        raise InvalidParameter(
            f"1 validation error detected: Value '{name_or_arn}' at 'functionName' failed to satisfy constraint: "
            "Member must be a function name, a partial ARN or a function ARN"
        )
    name_qualifier = match["qualifier"]
    if name_qualifier and qualifier and name_qualifier != qualifier:
        raise InvalidParameter("The derived qualifier from the function name does not match the specified qualifier.")
    return FunctionReference(
        account=match["account"] or account,
        region=match["region"] or region,
        name=match["name"],
        qualifier=name_qualifier or qualifier,
    )


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
