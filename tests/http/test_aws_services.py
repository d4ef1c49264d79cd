"""The name of the service that a request is for, checked against botocore's service descriptions."""

import re
from collections.abc import Iterator

import pytest
from botocore.loaders import Loader

from simulator.http.aws_services import service_name


def operations(service: str) -> Iterator[tuple[str, str]]:
    """Yield method and path of each operation of a service, with a value for each part of the path."""
    model = Loader().load_service_model(service, "service-2")
    for operation in model["operations"].values():
        yield operation["http"]["method"], re.sub(r"\{[^}]+\}", "arn:x", operation["http"]["requestUri"])


@pytest.mark.parametrize("service", ["bedrock", "bedrock-agent", "bedrock-runtime", "bedrock-agent-runtime"])
def test_the_services_that_sign_for_bedrock_are_told_apart(service: str) -> None:
    """By method and path. The two services of agents share the paths of tags and of some parts of knowledge bases."""
    shared = re.compile("/(tags|resourcepolicy|retrievalinstructions|knowledgebases/arn:x/datasources)/")
    named = {
        service_name("bedrock", method=method, path=path)
        for method, path in operations(service)
        if not shared.match(path)
    }
    assert named == {service}


@pytest.mark.parametrize(
    ("signing_name", "path", "name"),
    [
        ("bedrock", "/v1/models", "bedrock-mantle"),
        ("monitoring", "/", "cloudwatch"),
        ("s3", "/model/m/converse", "s3"),
        ("sagemaker", "/", "sagemaker"),
        ("sagemaker", "/endpoints/judge/invocations", "sagemaker-runtime"),
    ],
)
def test_a_service_has_boto3s_name(signing_name: str, path: str, name: str) -> None:
    """It is the signing name of most services."""
    assert service_name(signing_name, method="POST", path=path) == name
