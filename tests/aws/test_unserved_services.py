"""Requests of boto3 for services and operations that the simulator does not serve: they get a code and the hint."""

import json
from typing import Any, NamedTuple

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.aws.conftest import RunningAws

NO_SERVICE = "the simulator does not serve the AWS service '{service}'"
NO_MODEL = NO_SERVICE + (
    ", so no model answers here. To measure a function that calls one, deploy the function at AWS and run the doctor"
    " there: rft-sim doctor ARN --target bedrock"
)
NO_BEDROCK = NO_SERVICE + "; its models answer at the OpenAI-compatible API, under /v1 of the same address"
NO_OPERATION = "moto, which simulates AWS here, has no operation of {operation}"
NO_PACKAGE = (
    "The simulator cannot serve {service} without the Python package {package}, which moto needs for it."
    " Install it, or moto[all], into the simulator's environment."
)
CONVERSATION: dict[str, Any] = {"modelId": "m", "messages": [{"role": "user", "content": [{"text": "2 + 2?"}]}]}
RETRIEVAL: dict[str, Any] = {"knowledgeBaseId": "ABCDEFGHIJ", "retrievalQuery": {"text": "2 + 2?"}}


class Unserved(NamedTuple):
    """A call of boto3 and the error that it gets."""

    service: str
    operation: str
    parameters: dict[str, Any]
    status: int
    code: str
    message: str


UNSERVED = (
    # JSON protocols
    Unserved(
        *("bedrock-runtime", "converse", CONVERSATION, 404, "UnknownOperationException"),
        NO_MODEL.format(service="bedrock-runtime"),
    ),
    Unserved(  # moto answers it with an empty object
        *("bedrock-runtime", "invoke_model", {"modelId": "m", "body": b"{}"}, 404, "UnknownOperationException"),
        NO_MODEL.format(service="bedrock-runtime"),
    ),
    Unserved(
        *("bedrock-agent-runtime", "retrieve", RETRIEVAL, 404, "UnknownOperationException"),
        NO_MODEL.format(service="bedrock-agent-runtime"),
    ),
    Unserved(
        *("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "judge", "Body": b"{}"}, 404),
        *("UnknownOperationException", NO_MODEL.format(service="sagemaker-runtime")),
    ),
    Unserved(
        *("rekognition", "detect_labels", {"Image": {"Bytes": b"x"}}, 404),
        *("UnknownOperationException", NO_MODEL.format(service="rekognition")),
    ),
    Unserved(  # these two in CBOR
        *("comprehend", "detect_sentiment", {"Text": "Well.", "LanguageCode": "en"}, 404),
        *("UnknownOperationException", NO_MODEL.format(service="comprehend")),
    ),
    Unserved(
        *("textract", "detect_document_text", {"Document": {"Bytes": b"x"}}, 404),
        *("UnknownOperationException", NO_MODEL.format(service="textract")),
    ),
    Unserved(
        *("bedrock", "list_foundation_models", {}, 404, "UnknownOperationException"),
        NO_BEDROCK.format(service="bedrock"),
    ),
    Unserved("gamelift", "list_fleets", {}, 404, "UnknownOperationException", NO_SERVICE.format(service="gamelift")),
    Unserved(
        *("kafkaconnect", "list_connectors", {}, 404, "UnknownOperationException"),  # its paths begin with /v1
        NO_SERVICE.format(service="kafkaconnect"),
    ),
    Unserved(
        *("lambda", "get_account_settings", {}, 404, "UnknownOperationException"),
        NO_OPERATION.format(operation="lambda at GET /2016-08-19/account-settings"),
    ),
    Unserved(
        *("cognito-idp", "list_user_pools", {"MaxResults": 1}, 501, "NotImplemented"),
        NO_PACKAGE.format(service="cognito-idp", package="joserfc"),
    ),
    # the query protocol
    Unserved("cloudsearch", "describe_domains", {}, 404, "InvalidAction", NO_SERVICE.format(service="cloudsearch")),
    Unserved(
        *("cloudformation", "list_stacks", {}, 501, "NotImplemented"),
        NO_PACKAGE.format(service="cloudformation", package="openapi_spec_validator"),
    ),
)


@pytest.mark.parametrize("call", UNSERVED, ids=lambda call: f"{call.service} {call.operation}")
def test_boto3_reads_the_code_and_the_hint(running_aws: RunningAws, call: Unserved) -> None:
    """In the shape of the service's protocol; both request id headers of the API stay."""
    client = running_aws.client(call.service)
    with pytest.raises(ClientError) as exc_info:
        getattr(client, call.operation)(**call.parameters)
    error, metadata = exc_info.value.response["Error"], exc_info.value.response["ResponseMetadata"]
    assert (metadata["HTTPStatusCode"], error["Code"], error["Message"]) == (
        call.status,
        call.code,
        call.message.format(url=running_aws.url),
    )
    assert metadata["RequestId"]


def send(running_aws: RunningAws, path: str, *, service: str | None) -> httpx.Response:
    """Send a GET, signed for a service or unsigned."""
    scope = f"AWS4-HMAC-SHA256 Credential=testing/20260101/us-west-2/{service}/aws4_request"
    return httpx.get(f"{running_aws.url}{path}", headers={"authorization": scope} if service else {})


@pytest.mark.parametrize(
    ("service", "path"),
    [("bedrock-mantle", "/nothing"), ("bedrock-mantle", "/v1/nothing"), ("bedrock", "/v1/nothing"), (None, "/nothing")],
)
def test_requests_for_mantle_get_openais_shape(running_aws: RunningAws, service: str | None, path: str) -> None:
    """Some clients sign for `bedrock`; their paths are those of the OpenAI-compatible API."""
    answer = send(running_aws, path, service=service)
    error = {"code": "not_found_error", "message": f"Invalid URL (GET {path})", "param": None}
    assert (answer.status_code, answer.json()) == (404, {"error": error | {"type": "invalid_request_error"}})


def test_a_served_path_with_another_services_signature_gets_openais_shape(running_aws: RunningAws) -> None:
    """The client calls Mantle and signs for the wrong service: the hint says so."""
    answer = send(running_aws, "/v1/models", service="gamelift")
    assert (answer.status_code, "error" in answer.json()) == (401, True)


def test_each_response_has_one_request_id(running_aws: RunningAws) -> None:
    """The header and the body of the query protocol's error have the same one."""
    scope = "AWS4-HMAC-SHA256 Credential=testing/20260101/us-west-2/cloudsearch/aws4_request"
    form = {"authorization": scope, "content-type": "application/x-www-form-urlencoded"}
    answer = httpx.post(running_aws.url, headers=form, content=b"Action=DescribeDomains")
    (request_id,) = answer.headers.get_list("x-amzn-requestid")
    assert f"<RequestId>{request_id}</RequestId>" in answer.text
    assert answer.headers["x-simulator-hint"] == NO_SERVICE.format(service="cloudsearch")


def test_the_hint_is_ascii(running_aws: RunningAws) -> None:
    """A path may hold any bytes."""
    answer = send(running_aws, "/2015-03-31/%C3%BC%0A", service="lambda")
    assert answer.headers["x-simulator-hint"].isascii()
    assert json.loads(answer.text)["__type"] == "UnknownOperationException"
