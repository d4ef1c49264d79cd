"""Measures the AWS account: a write, a restart, a state. `python -m tests.bench.bench_aws` prints a table."""

import gc
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final

from simulator.aws.moto_state import MotoState
from tests.aws.account_client import AccountClient, open_account
from tests.aws.random_requests import TRUST, RandomUser

ROUNDS: Final = 200
REQUESTS: Final = 2_000
OVERWRITES: Final = 1_000
MEGABYTE: Final = 1024 * 1024
BUCKET: Final[Any] = {"Bucket": "runs", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}


def milliseconds(do: Callable[[int], object], rounds: int = ROUNDS) -> float:
    """Return the median time of a call."""
    times = []
    for number in range(rounds):
        start = perf_counter()
        do(number)
        times.append(perf_counter() - start)
    return 1_000 * median(times)


def resident() -> float:
    """Return this process's memory in MB."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def measure_writes(account: AccountClient) -> dict[str, float]:
    """Return what some requests take, through boto3 and without a socket."""
    iam, s3, lambdas = (account.client(name) for name in ("iam", "s3", "lambda"))
    s3.create_bucket(**BUCKET)
    iam.create_role(RoleName="first", AssumeRolePolicyDocument=TRUST)
    body = bytes(MEGABYTE)
    return {
        "GetRole": milliseconds(lambda _: iam.get_role(RoleName="first")),
        "CreateRole": milliseconds(lambda n: iam.create_role(RoleName=f"role-{n}", AssumeRolePolicyDocument=TRUST)),
        "PutObject of 10 bytes": milliseconds(lambda n: s3.put_object(Bucket="runs", Key=f"{n}", Body=b"0123456789")),
        "PutObject of 1 MB": milliseconds(
            lambda n: s3.put_object(Bucket="runs", Key="large", Body=n.to_bytes(2) + body), ROUNDS // 4
        ),
        "ListFunctions": milliseconds(lambda _: lambdas.list_functions()),
    }


def measure_reads() -> None:
    """Send one request to a new account; creating the client takes most of the time."""
    with open_account() as account:
        account.client("iam").list_users()


def main() -> None:
    """Print the figures."""
    with TemporaryDirectory() as folder:
        with open_account() as account:
            measure_writes(account)  # loads what is loaded once
        with open_account() as account:
            without = measure_writes(account)
        with open_account(Path(folder) / "writes") as account:
            stored = measure_writes(account)
        for name, took in without.items():
            print(f"{name}: {took:.2f} ms, with a journal {stored[name]:.2f} ms")

        with open_account(Path(folder) / "requests") as account:
            RandomUser(account, 1).act(REQUESTS)
            requests = account.account._ordinal
        start = perf_counter()
        with open_account(Path(folder) / "requests"):
            took = perf_counter() - start
        print(f"a restart: {requests} requests in {took:.2f} s, {requests / took:.0f} a second")

        print(f"a moto state: created and closed empty in {milliseconds(lambda _: MotoState(seed=0).close()):.3f} ms")
        print(f"a new account, until its first answer: {milliseconds(lambda _: measure_reads(), 20):.1f} ms")
        times = []
        for seed in range(5):
            with open_account() as account:
                RandomUser(account, seed).act(200)
                start = perf_counter()
            times.append(perf_counter() - start)
        print(f"a moto state: closed in {1_000 * median(times):.2f} ms after 200 requests")

        for name, data in (("without a journal", None), ("with a journal", Path(folder) / "overwrites")):
            with open_account(data) as account:
                s3 = account.client("s3")
                s3.create_bucket(**BUCKET)
                s3.put_object(Bucket="runs", Key="key", Body=bytes(MEGABYTE))
                before = resident()
                for number in range(OVERWRITES):
                    s3.put_object(Bucket="runs", Key="key", Body=number.to_bytes(2) + bytes(MEGABYTE))
                print(f"{OVERWRITES} overwrites of 1 MB, {name}: {resident() - before:+.1f} MB of memory")
        start = perf_counter()
        with open_account(Path(folder) / "overwrites"):
            print(f"a restart after that: {perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
