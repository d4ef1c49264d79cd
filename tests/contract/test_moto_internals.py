"""The private parts of moto that `simulator.aws` depends on, one test for each."""

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from simulator.aws.moto_app import load_moto
from simulator.aws.moto_state import ACCOUNT_CREATION_TIME, MotoState
from tests.aws.conftest import TRUST
from tests.lambdas.zips import zip_files

ACCOUNT = "123456789012"
REGION = "us-west-2"
CODE = zip_files({"lambda_function.py": ""})


@pytest.fixture(autouse=True)
def empty_moto() -> Iterator[None]:
    """Load moto with an empty state."""
    load_moto()
    state = MotoState(seed=0)
    with state.activate(ACCOUNT_CREATION_TIME, "test"):
        yield
    state.close()


@pytest.fixture
def functions() -> Any:
    """Moto's Lambda with one function, its version 1 and an alias of that version."""
    from moto.awslambda.utils import get_backend  # noqa: PLC0415 - moto is slow to import
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    iam_backends[ACCOUNT]["aws"].create_role("grader", TRUST, "/", None, "", [], None)
    backend: Any = get_backend(ACCOUNT, REGION)
    layer = backend.publish_layer_version({"LayerName": "shared", "Content": {"ZipFile": _base64(CODE)}})
    backend.create_function(
        {
            "FunctionName": "grader",
            "Runtime": "python3.11",
            "Handler": "lambda_function.lambda_handler",
            "Role": f"arn:aws:iam::{ACCOUNT}:role/grader",
            "Code": {"ZipFile": _base64(CODE)},
            "Environment": {"Variables": {"MODE": "strict"}},
            "Timeout": 9,
            "MemorySize": 256,
            "Layers": [layer.arn],
        }
    )
    backend.publish_version("grader")
    backend.create_alias("live", "grader", "1", "", None)
    return backend


def _base64(code: bytes) -> str:
    return base64.b64encode(code).decode()


def test_a_stored_function_has_the_attributes_that_find_function_reads(functions: Any) -> None:
    """All that is needed to run it."""
    stored = functions.get_function("grader")

    names = (
        *("function_name", "version", "handler", "run_time", "environment_vars", "timeout", "memory_size", "role"),
        *("state", "package_type", "reserved_concurrency", "logs_group_name", "code_bytes"),
    )
    assert [getattr(stored, name) for name in names] == [
        *("grader", "$LATEST", "lambda_function.lambda_handler", "python3.11", {"MODE": "strict"}, 9, 256),
        *(f"arn:aws:iam::{ACCOUNT}:role/grader", "Active", "Zip", None, "/aws/lambda/grader", CODE),
    ]


def test_the_code_hash_changes_with_the_code(functions: Any) -> None:
    """`code_sha_256` decides about new environments."""
    before = functions.get_function("grader").code_sha_256
    code = base64.b64encode(zip_files({"lambda_function.py": "x = 1"}))  # as in a request
    functions.update_function_code("grader", None, {"ZipFile": code})

    assert functions.get_function("grader").code_sha_256 != before


def test_versions_and_aliases_are_found(functions: Any) -> None:
    """By `get_function(name, qualifier)`."""
    assert [str(functions.get_function("grader", name).version) for name in ("$LATEST", "1", "live")] == [
        "$LATEST",
        "1",
        "1",
    ]


def test_a_function_takes_its_request_and_copies_itself_for_a_version(functions: Any) -> None:
    """`logging_configs` replaces these three methods, and a version has the attributes of its function."""
    from moto.awslambda.models import LambdaFunction  # noqa: PLC0415 - moto is slow to import

    config = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN"}
    functions.update_function_configuration("grader", None, {"LoggingConfig": config})
    version = functions.publish_version("grader")

    assert {"__init__", "update_configuration", "get_configuration"} <= vars(LambdaFunction).keys()
    assert version.get_configuration()["LoggingConfig"] == {**config, "LogGroup": "/aws/lambda/grader"}


def test_an_unknown_function_raises_a_json_rest_error(functions: Any) -> None:
    """`find_function` treats it as not found."""
    from moto.core.exceptions import JsonRESTError  # noqa: PLC0415 - moto is slow to import

    for reference in (("missing",), ("grader", "nope")):
        with pytest.raises(JsonRESTError):
            functions.get_function(*reference)


def test_layers_have_their_zip(functions: Any) -> None:
    """A function lists its layers by ARN."""
    arn = functions.get_function("grader").layers[0]["Arn"]

    assert functions.layers_versions_by_arn(arn).code_bytes == CODE


def test_packages_are_read_by_one_function_per_source(functions: Any) -> None:
    """From the request; tests/contract/test_packages.py covers S3."""
    from moto.awslambda.exceptions import InvalidParameterValueException  # noqa: PLC0415 - moto is slow to import

    bad = {"ZipFile": _base64(b"no zip")}
    with pytest.raises(InvalidParameterValueException, match="Could not unzip uploaded file"):
        functions.publish_layer_version({"LayerName": "other", "Content": bad})
    with pytest.raises(InvalidParameterValueException, match="Could not unzip uploaded file"):
        functions.update_function_code("grader", None, bad)


def test_a_resource_policy_is_a_list_of_statements(functions: Any) -> None:
    """add_permission fills `policy.statements`; a role's ARN is bare or under AWS."""
    role = f"arn:aws:iam::{ACCOUNT}:role/trainer"
    permission = {"StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": role}
    functions.add_permission("grader", None, json.dumps(permission))

    statement = functions.get_function("grader").policy.statements[0]

    assert (statement["Effect"], statement["Action"], statement["Principal"] in (role, {"AWS": role})) == (
        "Allow",
        "lambda:InvokeFunction",
        True,
    )


def test_docker_is_disabled_by_the_configuration() -> None:
    """`use_docker` is read at each use; the simple backend of Lambda runs nothing."""
    from moto.awslambda.utils import get_backend  # noqa: PLC0415 - moto is slow to import

    assert type(get_backend(ACCOUNT, REGION)).__name__ == "LambdaSimpleBackend"


def test_managed_policies_are_in_two_collections() -> None:
    """A policy in both is listed with scope AWS and cannot be deleted."""
    from moto.iam.models import AWSManagedPolicy, iam_backends  # noqa: PLC0415 - moto is slow to import

    backend = iam_backends[ACCOUNT]["aws"]
    data = {"CreateDate": "2026-01-01", "UpdateDate": "2026-01-01", "Path": "/", "Document": {}}
    policy = AWSManagedPolicy.from_data("Extra", ACCOUNT, "aws", data)
    backend.managed_policies[policy.arn] = policy
    backend.aws_managed_policies.append(policy)

    listed, _ = backend.list_policies(marker=None, max_items=100, only_attached=False, path_prefix="/", scope="AWS")
    assert (policy.arn, policy in listed) == ("arn:aws:iam::aws:policy/Extra", True)


def test_each_managed_policy_starts_on_its_own_line() -> None:
    """So one policy can be parsed alone."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data  # noqa: PLC0415 - moto is slow to import

    start = aws_managed_policies_data.index('\n "AWSLambdaBasicExecutionRole":')
    policy, _ = json.JSONDecoder().raw_decode(aws_managed_policies_data, aws_managed_policies_data.index("{", start))
    assert (policy["Path"], sorted(policy["Document"])) == ("/service-role/", ["Statement", "Version"])


def test_headers_with_underscores_have_these_environ_keys() -> None:
    """Moto's own server passes S3 metadata names by them."""
    from moto.core.request import (  # noqa: PLC0415 - moto is slow to import
        PRESERVED_HEADER_NAMES_ENVIRON_KEY,
        environ_key_for_header,
        should_preserve_original_header_name,
    )

    assert (
        PRESERVED_HEADER_NAMES_ENVIRON_KEY,
        environ_key_for_header("x-amz-meta-my_key"),
        should_preserve_original_header_name("x-amz-meta-my_key"),
        should_preserve_original_header_name("x-amz-meta-my-key"),
    ) == ("moto.preserved_header_names", "HTTP_X_AMZ_META_MY_KEY", True, False)


def test_a_log_group_accepts_events_of_any_time() -> None:
    """The service would reject them as too old."""
    from moto.logs.models import logs_backends  # noqa: PLC0415 - moto is slow to import

    backend = logs_backends[ACCOUNT][REGION]
    backend.ensure_log_group("/aws/lambda/grader")
    backend.ensure_log_stream("/aws/lambda/grader", "s")
    group = backend.groups["/aws/lambda/grader"]

    group.put_log_events("s", [{"timestamp": 1, "message": "old\n"}])

    assert [(event.timestamp, event.message) for event in group.streams["s"].events] == [(1, "old\n")]


def test_iam_entities_have_their_documents() -> None:
    """Inline policies by name, attached ones with versions, groups with users, a role's boundary by ARN."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import

    backend: Any = iam_backends[ACCOUNT]["aws"]
    user = backend.create_user(REGION, "alice")
    group = backend.create_group("graders")
    role = backend.create_role("trainer", "{}", "/", None, "", [], None)
    text = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    policy = backend.create_policy("", "/", text, "all", [])
    backend.put_user_policy("alice", "all", text)
    backend.attach_role_policy(policy.arn, "trainer")
    backend.add_user_to_group("graders", "alice")

    assert (
        user.policies,
        [version.document for version in role.managed_policies[policy.arn].versions if version.is_default],
        group.users,
        role.permissions_boundary_arn,
        backend.users["alice"] is user,
        list(backend.roles.values()) == [role],
        list(backend.groups.values()) == [group],
    ) == ({"all": text}, [text], [user], None, True, True, True)


def test_access_keys_have_a_status_and_sts_has_sessions() -> None:
    """A session is found by its key."""
    from moto.iam.models import get_account_id_from, iam_backends  # noqa: PLC0415 - moto is slow to import
    from moto.sts.models import sts_backends  # noqa: PLC0415 - moto is slow to import

    backend: Any = iam_backends[ACCOUNT]["aws"]
    backend.create_user(REGION, "alice")
    key = backend.create_access_key("alice")
    session = sts_backends[ACCOUNT]["aws"].assume_role(REGION, "s", f"arn:aws:iam::{ACCOUNT}:role/r", "", 900, "")

    assert (
        key.status,
        get_account_id_from(key.access_key_id),
        sts_backends[ACCOUNT]["aws"].get_assumed_role_from_access_key(session.access_key_id) is session,
        session.arn,
    ) == ("Active", ACCOUNT, True, f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s")


def test_operations_can_be_replaced_in_url_paths() -> None:
    """The handler of a path is a class method."""
    from moto.iam import urls as iam_urls  # noqa: PLC0415 - moto is slow to import
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import
    from moto.iam.responses import IamResponse  # noqa: PLC0415 - moto is slow to import
    from moto.sts import urls as sts_urls  # noqa: PLC0415 - moto is slow to import
    from moto.sts.responses import TokenResponse  # noqa: PLC0415 - moto is slow to import

    from simulator.aws.iam_operations import IamOperations  # noqa: PLC0415 - imports moto
    from simulator.aws.sts_operations import StsOperations  # noqa: PLC0415 - imports moto

    served = iam_backends[ACCOUNT]["aws"].url_paths
    assert (list(iam_urls.url_paths), list(sts_urls.url_paths)) == (["{0}/$"], ["{0}/$"])
    assert (iam_urls.url_paths["{0}/$"], served["/$"]) == (IamOperations.dispatch, IamOperations.dispatch)
    assert sts_urls.url_paths["{0}/$"] == StsOperations.dispatch
    assert issubclass(IamOperations, IamResponse)
    assert issubclass(StsOperations, TokenResponse)


def test_moto_still_lacks_the_added_operations() -> None:
    """When moto has them, remove ours."""
    from moto.iam.responses import IamResponse  # noqa: PLC0415 - moto is slow to import

    from simulator.aws.iam_operations import IamOperations  # noqa: PLC0415 - imports moto

    replaced = {"create_user", "delete_user"}
    added = {name for name in vars(IamOperations) if not name.startswith("_") and name not in replaced}
    assert {name for name in added if hasattr(IamResponse, name)} == set()


def test_access_keys_are_found_by_id() -> None:
    """Those of users and sessions; a deleted user's key stays and does not belong to the next user."""
    from moto.iam.models import iam_backends  # noqa: PLC0415 - moto is slow to import
    from moto.sts.models import sts_backends  # noqa: PLC0415 - moto is slow to import

    backend: Any = iam_backends[ACCOUNT]["aws"]
    user = backend.create_user(REGION, "alice", tags=[{"Key": "team", "Value": "maths"}])
    key = backend.create_access_key("alice")
    sts = sts_backends[ACCOUNT]["aws"]
    session = sts.assume_role(REGION, "s", f"arn:aws:iam::{ACCOUNT}:role/r", "{}", 900, "")
    backend.delete_user("alice")
    again = backend.create_user(REGION, "alice")

    assert (
        [backend.access_keys[name].user_name for name in (key.access_key_id, session.access_key_id)],
        (key in user.access_keys, key in again.access_keys),
        (sts.assumed_roles, session.policy, session.expiration.tzinfo, len(session.secret_access_key)),
        (user.tags, again.tags),
    ) == (["alice", None], (True, False), ([session], "{}", None, 40), (None, None))


def test_the_dispatcher_is_a_wsgi_app() -> None:
    """`DomainDispatcherApplication(create_backend_app)` selects the service."""
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - moto is slow to import
        DomainDispatcherApplication,
        create_backend_app,
    )

    assert callable(DomainDispatcherApplication(create_backend_app))


def test_the_code_hash_is_awss(functions: Any) -> None:
    """`code_sha_256` is base64 of the SHA-256."""
    assert functions.get_function("grader").code_sha_256 == _base64(hashlib.sha256(CODE).digest())
