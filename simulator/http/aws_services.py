"""Names the AWS service of a request as boto3 does, and the error of a service that the simulator does not serve.

Several services sign their requests with one name. botocore's service descriptions have their paths.
"""

import re
from typing import Final

from simulator.http.aws_errors import AwsError

MODEL_SERVICES: Final = frozenset(
    {"bedrock-agent-runtime", "bedrock-runtime", "comprehend", "rekognition", "sagemaker-runtime", "textract"}
)
"""Services whose answers come from a model. None is served: moto has some of them and answers with invented values."""

_ANY_METHOD: Final = r"[A-Z]+"
# For a signing name: (method, start of the path, service), the first match counts. Else the service has that name.
_SERVICES_BY_PATH: Final = {
    "bedrock": tuple(
        (re.compile(f"{method} {path}"), service)
        for method, path, service in (
            (_ANY_METHOD, r"/(model|guardrail|guardrail-checks|async-invoke)(/|$)", "bedrock-runtime"),
            (
                _ANY_METHOD,
                r"/(sessions|generateQuery|optimize-prompt|rerank|retrieveAndGenerate(Stream)?|agenticRetrieveStream)(/|$)",
                "bedrock-agent-runtime",
            ),
            (_ANY_METHOD, r"/agents/[^/]+/agentAliases/[^/]+/(sessions|memories)(/|$)", "bedrock-agent-runtime"),
            (_ANY_METHOD, r"/flows/[^/]+/(aliases/[^/]+/)?executions(/|$)", "bedrock-agent-runtime"),
            (
                "POST",
                r"/(knowledgebases/[^/]+/retrieve|agents/[^/]+|flows/[^/]+/aliases/[^/]+)$",
                "bedrock-agent-runtime",
            ),
            (_ANY_METHOD, r"/(agents|knowledgebases|flows|prompts)(/|$)", "bedrock-agent"),
            (_ANY_METHOD, r"/(openai/)?v1/", "bedrock-mantle"),
        )
    ),
    "monitoring": ((re.compile(""), "cloudwatch"),),
    "sagemaker": ((re.compile(r"POST /endpoints/[^/]+/(async-)?invocations"), "sagemaker-runtime"),),
}


def service_name(signing_name: str, *, method: str, path: str) -> str:
    """Return the name in boto3 of the service that a request to `path`, signed for `signing_name`, is for."""
    request = f"{method} {path}"
    return next(
        (service for pattern, service in _SERVICES_BY_PATH.get(signing_name, ()) if pattern.match(request)),
        signing_name,
    )


def unserved_service_error(service: str, *, is_query_protocol: bool, status: int = 404) -> AwsError:
    """Return the error of a service that the simulator does not serve. botocore does not retry it."""
    code = "InvalidAction" if is_query_protocol else "UnknownOperationException"
    return AwsError(code=code, message=unserved_service_message(service), status=status)


def unserved_service_message(service: str) -> str:
    """Return that a service is not served, and what to do. It is the same on every port."""
    message = f"the simulator does not serve the AWS service {service!a}"
    if service in MODEL_SERVICES:
        message += (
            ", so no model answers here. To measure a function that calls one, deploy the function at AWS and run the "
            "doctor there: rft-sim doctor ARN --target bedrock"
        )
    elif service == "bedrock":
        message += "; its models answer at the OpenAI-compatible API, under /v1 of the same address"
    return message
