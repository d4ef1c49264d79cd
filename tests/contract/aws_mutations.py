"""Generates thousands of requests to AWS services by a seed: valid ones, and valid ones with one change."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from simulator.settings import ACCESS_KEY_ID
from tests.contract.mutated_requests import HEADERS, METHODS, WORDS, Request, damage, mutate

BUCKET: Final = "runs"
KEY: Final = "metrics.jsonl"
USER: Final = "ann"
ROLE: Final = "trainer"
GROUP: Final = "/made/by/hand"
QUEUE: Final = "finished"
FUNCTION: Final = "idle"
ACCOUNT: Final = "123456789012"
TRUST: Final = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}'
)
"""What the requests are about: it is to be there, or most would end at that it is not."""

_POLICY: Final = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
_XML: Final = b'<%(tag)b xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%(inner)b</%(tag)b>'
_FORM: Final = b"application/x-www-form-urlencoded; charset=utf-8"
_JSON: Final = b"application/x-amz-json-1.1"
_OF_THE_SERVICES: Final = ("MaxItems", "Marker", "NextToken", "max-keys", "prefix", "versionId", "uploadId", "Action")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    """A valid request; the body that it has decides the protocol."""

    service: str
    method: str = "POST"
    path: str = "/"
    query: Mapping[str, str] = field(default_factory=dict)
    headers: tuple[tuple[bytes, bytes], ...] = ()
    form: Mapping[str, str] | None = None
    fields: Mapping[str, Any] | None = None
    content: bytes = b""


def _xml(tag: bytes, inner: bytes) -> bytes:
    return _XML % {b"tag": tag, b"inner": inner}


def _s3(method: str, path: str, content: bytes = b"", **query: str) -> _Operation:
    parameters = {name.replace("_", "-"): value for name, value in query.items()}
    return _Operation(service="s3", method=method, path=path, query=parameters, content=content)


def _query(service: str, action: str, **form: str) -> _Operation:
    return _Operation(service=service, form={"Action": action, **form})


def _target(service: str, target: str, **fields: Any) -> _Operation:
    headers = ((b"x-amz-target", target.encode()), (b"content-type", _JSON))
    return _Operation(service=service, headers=headers, fields=fields)


def _functions(method: str, path: str, **fields: Any) -> _Operation:
    return _Operation(service="lambda", method=method, path=f"/2015-03-31/functions{path}", fields=fields)


_AT: Final = f"/{BUCKET}/{KEY}"
_OPERATIONS: Final = (
    _s3("GET", "/"),
    _s3("GET", f"/{BUCKET}", max_keys="5", prefix="m", delimiter="/", marker=""),
    _Operation(service="s3", method="GET", path=f"/{BUCKET}", query={"list-type": "2", "max-keys": "5"}),
    _s3("GET", f"/{BUCKET}", versions="", max_keys="5"),
    _s3("GET", f"/{BUCKET}", uploads=""),
    _s3("GET", f"/{BUCKET}", lifecycle=""),
    _s3("GET", _AT, response_content_type="text/plain"),
    _s3("HEAD", _AT),
    _s3("PUT", f"/{BUCKET}/made", b"a line\n"),
    _s3("DELETE", f"/{BUCKET}/made"),
    _s3("POST", f"/{BUCKET}/parts", uploads=""),
    _s3("PUT", f"/{BUCKET}/parts", b"a part", partNumber="1", uploadId="unknown"),
    _s3(
        "POST",
        f"/{BUCKET}/parts",
        _xml(b"CompleteMultipartUpload", b"<Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>"),
        uploadId="unknown",
    ),
    _s3("PUT", f"/{BUCKET}", _xml(b"AccessControlPolicy", b"<Owner><ID>x</ID></Owner><AccessControlList/>"), acl=""),
    _s3(
        "PUT",
        f"/{BUCKET}",
        _xml(
            b"CORSConfiguration",
            b"<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>",
        ),
        cors="",
    ),
    _s3(
        "PUT",
        f"/{BUCKET}",
        _xml(
            b"LifecycleConfiguration",
            b"<Rule><ID>x</ID><Filter><Prefix>m</Prefix></Filter><Status>Enabled</Status>"
            b"<Expiration><Days>3</Days></Expiration></Rule>",
        ),
        lifecycle="",
    ),
    _s3(
        "PUT",
        f"/{BUCKET}",
        _xml(b"Tagging", b"<TagSet><Tag><Key>team</Key><Value>maths</Value></Tag></TagSet>"),
        tagging="",
    ),
    _s3("PUT", f"/{BUCKET}", _xml(b"VersioningConfiguration", b"<Status>Enabled</Status>"), versioning=""),
    _s3("PUT", f"/{BUCKET}", _POLICY.encode(), policy=""),
    _s3("POST", f"/{BUCKET}", _xml(b"Delete", b"<Object><Key>made</Key></Object>"), delete=""),
    _query("iam", "ListUsers", MaxItems="5", PathPrefix="/"),
    _query("iam", "GetUser", UserName=USER),
    _query("iam", "CreateUser", UserName="made", Path="/ml/"),
    _query("iam", "DeleteUser", UserName="made"),
    _query("iam", "CreateAccessKey", UserName=USER),
    _query("iam", "CreateRole", RoleName="made", AssumeRolePolicyDocument=TRUST),
    _query("iam", "PutUserPolicy", UserName=USER, PolicyName="p", PolicyDocument=_POLICY),
    _query("iam", "CreateServiceSpecificCredential", UserName=USER, ServiceName="bedrock.amazonaws.com"),
    _query("iam", "PutUserPermissionsBoundary", UserName=USER, PermissionsBoundary=f"arn:aws:iam::{ACCOUNT}:policy/b"),
    _query("iam", "GetAccountAuthorizationDetails", MaxItems="5"),
    _query("sts", "GetCallerIdentity"),
    _query(
        "sts",
        "AssumeRole",
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
        RoleSessionName="s",
        DurationSeconds="900",
    ),
    _query("sts", "GetSessionToken", DurationSeconds="900"),
    _query("sts", "GetFederationToken", Name="guest", Policy=_POLICY),
    _query("sqs", "CreateQueue", QueueName="made"),
    _query("sqs", "SendMessage", QueueUrl=f"http://127.0.0.1/{ACCOUNT}/{QUEUE}", MessageBody="hello", DelaySeconds="0"),
    _target("sqs", "AmazonSQS.CreateQueue", QueueName="made", Attributes={"DelaySeconds": "0"}),
    _target("sqs", "AmazonSQS.SendMessage", QueueUrl=f"http://127.0.0.1/{ACCOUNT}/{QUEUE}", MessageBody="hello"),
    _target("sqs", "AmazonSQS.ReceiveMessage", QueueUrl=f"http://127.0.0.1/{ACCOUNT}/{QUEUE}", WaitTimeSeconds=1),
    _target("logs", "Logs_20140328.DescribeLogGroups", limit=5, logGroupNamePrefix="/"),
    _target("logs", "Logs_20140328.CreateLogGroup", logGroupName="/made", tags={"team": "maths"}),
    _target("logs", "Logs_20140328.CreateLogStream", logGroupName=GROUP, logStreamName="made"),
    _target(
        "logs",
        "Logs_20140328.PutLogEvents",
        logGroupName=GROUP,
        logStreamName="made",
        logEvents=[{"timestamp": 1, "message": "hello"}],
    ),
    _target("logs", "Logs_20140328.FilterLogEvents", logGroupName=GROUP, limit=5, startTime=0, filterPattern=""),
    _target("logs", "Logs_20140328.PutRetentionPolicy", logGroupName=GROUP, retentionInDays=7),
    _functions("GET", ""),
    _functions("GET", f"/{FUNCTION}"),
    _functions("GET", f"/{FUNCTION}/versions"),
    _functions(
        "POST",
        "",
        FunctionName="made",
        Runtime="python3.12",
        Handler="a.b",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}",
        Code={"ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="},
        Environment={"Variables": {"MODE": "strict"}},
        Timeout=9,
    ),
    _functions("PUT", f"/{FUNCTION}/configuration", Timeout=9, MemorySize=256, Description="x"),
    _functions("PUT", f"/{FUNCTION}/code", ZipFile="UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="),
    _functions("POST", f"/{FUNCTION}/aliases", Name="live", FunctionVersion="$LATEST"),
    _functions(
        "POST",
        f"/{FUNCTION}/policy",
        StatementId="one",
        Action="lambda:InvokeFunction",
        Principal="*",
    ),
)


def aws_requests(*, seed: int) -> Iterator[Request]:
    """Yield signed requests without end, one operation after another; every fifth is valid."""
    chance = random.Random(seed)
    while True:
        for operation in _OPERATIONS:
            yield _made(chance, operation, changed=chance.random() > 0.2)


def _made(chance: random.Random, operation: _Operation, *, changed: bool) -> Request:
    method, path, query, headers = operation.method, operation.path, dict(operation.query), list(operation.headers)
    body = operation.content
    if changed and chance.random() < 0.1:
        method = chance.choice(METHODS)
    if changed and chance.random() < 0.15:
        start, _, end = path.rpartition("/")
        path = f"{start}/{chance.choice((*WORDS, end))}".encode("utf-8", "replace").decode()
    if changed and chance.random() < 0.4:
        query = _mutate(chance, query)
    if operation.form is not None:
        form = _mutate(chance, operation.form) if changed else operation.form
        body = urlencode(form, errors="replace").encode()
        headers.append((b"content-type", _FORM))
    if operation.fields is not None and operation.method != "GET":
        content = mutate(chance, dict(operation.fields)) if changed else operation.fields
        body = json.dumps(content).encode()
    if changed and body and chance.random() < (0.6 if operation.content else 0.1):
        body = damage(chance, body)
    if changed and chance.random() < 0.1:
        headers.append((chance.choice(HEADERS), chance.choice(WORDS).encode("utf-8", "replace")))
    scope = f"{ACCESS_KEY_ID}/20260101/us-west-2/{operation.service}/aws4_request"
    own = (
        (b"authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}".encode()),
        (b"content-length", str(len(body)).encode()),
    )
    escaped = urlencode(query, quote_via=quote, errors="replace").encode()
    return Request(method=method, path=path, query=escaped, headers=(*own, *headers), body=body)


def _mutate(chance: random.Random, values: Mapping[str, str]) -> dict[str, str]:
    """Return parameters with one of them replaced, removed or added."""
    name, kind = chance.choice((*values, *_OF_THE_SERVICES)), chance.random()
    if kind < 0.2:
        return {key: value for key, value in values.items() if key != name}
    return {**values, name: chance.choice((*WORDS, "5", "x" * 70))}
