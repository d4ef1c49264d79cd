"""A function whose calls to AWS services fail: its scores neither condemn nor praise it."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from simulator.cli.report_files import ReportFiles, write_reports
from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Severity
from simulator.doctor.invocation import Case
from simulator.doctor.loading import load_reward_function
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probe_runner import run_probes
from simulator.doctor.reward_function import RewardFunction
from simulator.doctor.service_endpoint import ServiceEndpoint, serve_service_endpoint
from simulator.http.service_calls import ServiceCalls
from simulator.lambdas.function import Invocation
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import FakeRewardFunction, Handler, handler_for, probe_context
from tests.doctor.sample_reports import FAIL_FINDING, OK_FINDING, WARN_FINDING, sample_report
from tests.doctor.test_probe_runner import make_probe, passing, without_scores
from tests.simulators import RunningSimulator

FAILED = ServiceCalls(service="bedrock-runtime", calls=4, failed=3, error="Denied: no")
EVENT = b'[{"id": "a", "messages": [{"role": "assistant", "content": "#### 72"}]}]'
UNSERVED = (
    "UnknownOperationException: the simulator does not serve the AWS service 'bedrock-runtime', so no model answers "
    "here. To measure a function that calls one, deploy the function at AWS and run the doctor there: rft-sim doctor "
    "ARN --target bedrock"
)
REASON = "The scores are the function's fallback: let its calls to bedrock-runtime succeed, and run the doctor again."

JUDGE = """
import boto3

judge = boto3.client("bedrock-runtime")
storage = boto3.client("s3")

def lambda_handler(event, context):
    for call in (
        lambda: judge.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "Score it."}]}]),
        storage.list_buckets,
    ):
        try:
            call()
        except Exception:
            pass
    return [{"id": rollout["id"], "aggregate_reward_score": 0.0} for rollout in event]
"""


class JudgingFunction(FakeRewardFunction):
    """A function that calls a judge model, which fails, and scores by a handler."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(handler)

    def invoke(self, event: bytes) -> Invocation:
        """Call the handler; report the calls."""
        return replace(super().invoke(event), service_calls=(FAILED,))


def report_of(records: tuple[Record, ...], handler: Handler) -> DoctorReport:
    """Run five probes on a function whose judge fails; S5 makes two calls."""
    context = probe_context(JudgingFunction(handler), records)

    def score(context: ProbeContext) -> Iterator[Any]:
        context.invoker.score([Case(label="a", record=record, text="") for record in context.records[:2]], batch_size=1)
        yield make_probe("S5").finding(Severity.FAIL, "Right and wrong answers score the same.")
        yield make_probe("S5").finding(Severity.WARN, "And another.")

    def simulate_training(*_arguments: object) -> Any:
        pytest.fail("training on fallback scores says nothing")

    return run_probes(
        context,
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=[passing("S1"), passing("S3"), (make_probe("S5"), score), passing("S17")],
        training_probes=[(make_probe("T1"), lambda *_: [])],
        simulate_training=simulate_training,
    )


def test_probes_of_scores_measure_nothing(sums: tuple[Record, ...]) -> None:
    """Each has one finding that says what to do. Training is not simulated. The others keep their findings."""
    report = report_of(sums, handler_for(lambda _element: 0.0))
    assert [(finding.probe, finding.severity, finding.message) for finding in report.findings] == [
        ("S1", Severity.OK, "Well."),
        ("S3", Severity.SKIPPED, REASON),
        ("S5", Severity.SKIPPED, REASON),
        ("S17", Severity.OK, "Well."),
        ("T1", Severity.SKIPPED, REASON),
    ]
    assert report.failed_calls == (replace(FAILED, calls=8, failed=6),)


def test_calls_of_a_function_that_fails_too_are_not_blamed(sums: tuple[Record, ...]) -> None:
    """It has no fallback: its error says what is wrong."""

    def fail(_element: dict[str, Any]) -> float:
        raise KeyError("x")

    context = probe_context(JudgingFunction(handler_for(fail)), sums)
    context.invoker.score([Case(label="a", record=sums[0], text="")])
    assert context.invoker.failed_calls == ()


@pytest.mark.parametrize(
    ("findings", "conclusion"),
    [
        ([OK_FINDING], "The scores were not measured, so the doctor cannot say whether to pay for this run."),
        ([WARN_FINDING], "The scores were not measured, so the doctor cannot say whether to pay for this run."),
        ([FAIL_FINDING], "1 failure: do not pay for this run yet."),
    ],
    ids=["no finding", "a warning", "a failure that does not depend on scores"],
)
def test_the_verdict_begins_with_the_failed_calls_and_the_exit_code_is_1(findings: list[Any], conclusion: str) -> None:
    """A run whose scores were not measured must not pass in continuous integration."""
    report = replace(sample_report(*findings), failed_calls=(FAILED,))
    assert (report.verdict, report.passes(strict=False)) == (
        f"3 of 4 calls to bedrock-runtime failed; these scores are the function's fallback: Denied: no. {conclusion}",
        False,
    )


@contextmanager
def loaded_judge(folder: Path, simulator: str | None) -> Iterator[RewardFunction]:
    """Load a function that calls a judge model and S3."""
    file = folder / "reward.py"
    file.write_text(JUDGE)
    with load_reward_function(str(file), wall_clock=time, simulator=simulator) as reward_function:
        yield reward_function


@pytest.mark.slow
def test_calls_of_a_function_on_this_machine_are_counted_without_a_simulator(tmp_path: Path) -> None:
    """A model's service has the simulator's own error. For the others one must be started."""
    with loaded_judge(tmp_path, None) as reward_function:
        assert reward_function.invoke(EVENT).service_calls == (
            ServiceCalls(service="bedrock-runtime", calls=1, failed=1, error=UNSERVED),
            ServiceCalls(
                service="s3",
                calls=1,
                failed=1,
                error="NotImplemented: no simulator runs, so the AWS service 's3' does not answer: start one with "
                "`rft-sim serve`, create there what the function needs, and run the doctor again",
            ),
        )


@pytest.mark.slow
def test_calls_of_a_function_on_this_machine_are_learnt_from_a_simulator(
    tmp_path: Path, served_simulator: RunningSimulator
) -> None:
    """Also in a second run, whose invocations have the same ids."""
    for _ in range(2):
        with loaded_judge(tmp_path, served_simulator.url) as reward_function:
            assert reward_function.invoke(EVENT).service_calls == (
                ServiceCalls(service="bedrock-runtime", calls=1, failed=1, error=UNSERVED),
                ServiceCalls(service="s3", calls=1, failed=0),
            )


@pytest.mark.slow
def test_calls_of_a_deployed_function_are_learnt_from_the_answer(
    tmp_path: Path, served_simulator: RunningSimulator
) -> None:
    """The simulator adds them to the answer of Invoke in a header."""
    folder = tmp_path / "deployed-judge"
    folder.mkdir()
    (folder / "lambda_function.py").write_text(JUDGE)
    arn = served_simulator.deploy(folder)
    with load_reward_function(arn, wall_clock=time, simulator=served_simulator.url) as reward_function:
        assert reward_function.invoke(EVENT).service_calls == (
            ServiceCalls(service="bedrock-runtime", calls=1, failed=1, error=UNSERVED),
            ServiceCalls(service="s3", calls=1, failed=0),
        )


@pytest.fixture(scope="module")
def endpoint() -> Iterator[ServiceEndpoint]:
    """The doctor's endpoint for AWS calls."""
    with serve_service_endpoint() as served:
        yield served


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("bedrock-runtime", "converse", {"modelId": "m", "messages": []}, "UnknownOperationException"),
        ("bedrock-runtime", "invoke_model", {"modelId": "m", "body": b"{}"}, "UnknownOperationException"),
        ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"x" * 200_000}, "NotImplemented"),
        ("s3", "head_object", {"Bucket": "b", "Key": "k"}, "501"),
        ("sts", "get_caller_identity", {}, "NotImplemented"),
        ("dynamodb", "list_tables", {}, "NotImplemented"),
        ("comprehend", "detect_sentiment", {"Text": "x", "LanguageCode": "en"}, "UnknownOperationException"),
    ],
)
def test_every_protocol_reads_the_error_at_the_first_attempt(
    endpoint: ServiceEndpoint, service: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    """A judge must not wait for retries."""
    client: Any = boto3.client(  # type: ignore[call-overload]  # the stubs overload by a literal service name
        service,
        endpoint_url=endpoint.url,
        region_name="us-west-2",
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=Config(retries={"mode": "adaptive", "max_attempts": 3}),
    )
    with pytest.raises(ClientError) as error:
        getattr(client, operation)(**parameters)
    client.close()
    response = error.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["RetryAttempts"]) == (code, 0)
    if code != "501":
        assert json.dumps(service) in response["Error"]["Message"].replace("'", '"')


def test_without_scores_the_reason_stays_the_functions_error(sums: tuple[Record, ...]) -> None:
    """An early end has a reason of its own."""
    report = run_probes(
        probe_context(JudgingFunction(handler_for(lambda _element: 0.0)), sums),
        data_name="train.jsonl",
        data_sha256="00",
        static_probes=[without_scores("S3")],
    )
    assert (report.failed_calls, report.verdict) == ((), "1 failure: do not pay for this run yet.")


def test_fallback_scores_do_not_become_a_golden_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Later runs would be compared with them."""
    report = replace(sample_report(OK_FINDING), failed_calls=(FAILED,))
    path = tmp_path / "golden.txt"
    assert write_reports(report, ReportFiles(golden=path)) == 1
    assert (path.exists(), capsys.readouterr().out.splitlines()[-1]) == (
        False,
        f"Golden file {path}: neither written nor compared, because the scores were not measured.",
    )


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 900\r\n\r\nx",
        b"MAKE / HTTP/9\r\n\r\n",
        b"\x16\x03\x01\r\n",
    ],
    ids=["a length that is no number", "cut off", "another protocol", "TLS"],
)
def test_a_malformed_request_is_survived_in_silence(
    endpoint: ServiceEndpoint, capfd: pytest.CaptureFixture[str], request_bytes: bytes
) -> None:
    """A function can send anything."""
    address = urlsplit(endpoint.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1 << 16)
    assert httpx.get(endpoint.url).status_code == 501
    assert capfd.readouterr() == ("", "")
