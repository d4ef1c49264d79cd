"""Describes everything in a simulated account by its own services; a restart must not change it."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from tests.aws.account_client import AccountClient


def take_inventory(account: AccountClient) -> dict[str, Any]:
    """Describe users, functions, objects and log events, with all bytes and times."""
    return {
        "iam": dict(_iam(account.client("iam"))),
        "functions": dict(_functions(account.client("lambda"))),
        "s3": dict(_buckets(account.client("s3"))),
        "logs": dict(_logs(account.client("logs"))),
    }


def response_fields(answer: Any) -> Any:
    """Return a response without its metadata."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def value_or_error(ask: Any, **parameters: Any) -> Any:
    """Return the result of a call, or the code of its error."""
    try:
        return response_fields(ask(**parameters))
    except ClientError as error:  # a missing resource: its error must stay the same too
        return error.response["Error"]["Code"]


def _iam(iam: Any) -> Iterator[tuple[str, Any]]:
    yield "account", response_fields(iam.get_account_authorization_details(Filter=["User", "Role", "Group"]))
    policies = iam.list_policies(Scope="Local")["Policies"]
    yield "policies", policies
    for policy in policies:
        yield (
            policy["Arn"],
            [
                iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=version["VersionId"])["PolicyVersion"]
                for version in iam.list_policy_versions(PolicyArn=policy["Arn"])["Versions"]
            ],
        )
    for user in iam.list_users()["Users"]:
        name = {"UserName": user["UserName"]}
        keys = iam.list_access_keys(**name)["AccessKeyMetadata"]
        yield (
            user["UserName"],
            [
                keys,
                [response_fields(iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])) for key in keys],
                iam.list_service_specific_credentials(**name)["ServiceSpecificCredentials"],
                iam.list_user_tags(**name)["Tags"],
            ],
        )


def _functions(functions: Any) -> Iterator[tuple[str, Any]]:
    for function in functions.list_functions(FunctionVersion="ALL")["Functions"]:
        name = {"FunctionName": function["FunctionName"]}
        yield (
            function["FunctionArn"],
            [
                function,
                response_fields(functions.get_function(**name, Qualifier=function["Version"])),
                functions.list_aliases(**name)["Aliases"],
                value_or_error(functions.get_policy, **name),
                response_fields(functions.get_function_concurrency(**name)),
            ],
        )
    for layer in functions.list_layers()["Layers"]:
        yield layer["LayerName"], [layer, functions.list_layer_versions(LayerName=layer["LayerName"])["LayerVersions"]]


def _buckets(s3: Any) -> Iterator[tuple[str, Any]]:
    for bucket in s3.list_buckets()["Buckets"]:
        location = {"Bucket": bucket["Name"]}
        listed = s3.list_object_versions(**location)
        uploads = s3.list_multipart_uploads(**location).get("Uploads", [])
        yield (
            bucket["Name"],
            [
                bucket,
                response_fields(s3.get_bucket_versioning(**location)),
                value_or_error(s3.get_bucket_tagging, **location),
                value_or_error(s3.get_bucket_policy, **location),
                listed.get("DeleteMarkers", []),
                [(version, _object(s3, bucket["Name"], version)) for version in listed.get("Versions", [])],
                [
                    (upload, s3.list_parts(**location, Key=upload["Key"], UploadId=upload["UploadId"]).get("Parts", []))
                    for upload in uploads
                ],
            ],
        )


def _object(s3: Any, bucket: str, version: Any) -> Any:
    parameters = {"Bucket": bucket, "Key": version["Key"]}
    if version["VersionId"] != "null":
        parameters["VersionId"] = version["VersionId"]

    def get_object(**parameters: str) -> Any:
        answer = s3.get_object(**parameters)
        return answer | {"Body": answer["Body"].read()}

    return [value_or_error(get_object, **parameters), value_or_error(s3.get_object_tagging, **parameters)]


def _logs(logs: Any) -> Iterator[tuple[str, Any]]:
    for group in logs.describe_log_groups()["logGroups"]:
        name = {"logGroupName": group["logGroupName"]}
        streams = logs.describe_log_streams(**name)["logStreams"]
        yield group["logGroupName"], [group, streams, logs.filter_log_events(**name)["events"]]
