"""Measures inference over HTTP: `python -m tests.bench.bench_inference` prints a table.

The simulator (with authentication) and PyPI's `llmock` each run in a process of their own. Another process sends both
the same requests: the prompts of our training file as whole chats, as 16 streams at once, and as 16 streams of eight
choices each, which are so long that the cost of a request hardly matters. `llmock` is skipped with a message when it is
not installed: its command must be on the path, or named by the variable LLMOCK (best in an environment of its own).
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from shutil import which
from time import monotonic, perf_counter, sleep
from typing import Any
from urllib.request import urlopen

from openai import OpenAI

from simulator.identity.session_key import create_session_key
from simulator.settings import TUNING_REGION

SECONDS = 4.0
CONNECTIONS = 16
ROUNDS = 3
MODEL = "openai.gpt-oss-20b"
PROMPTS = Path(__file__).parents[2] / "fixtures" / "prompts" / "train.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Something that answers chats."""

    name: str
    port: int
    key: str


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def run_server(name: str, command: list[str], port: int, key: str, health: str) -> Iterator[Server]:
    """Run a server for the length of the block."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = monotonic() + 30
        while True:
            try:
                urlopen(f"http://127.0.0.1:{port}{health}", timeout=1).close()
                break
            except OSError as error:
                if getattr(error, "code", None):  # it answers, whatever it says
                    break
                if monotonic() > deadline:
                    raise
                sleep(0.1)
        sleep(1.5)  # what loads behind the first answer
        yield Server(name=name, port=port, key=key)
    finally:
        process.terminate()
        process.wait()


def request(server: Server, messages: list[Any], **options: Any) -> bytes:
    """Return one request as it goes over the wire."""
    body = json.dumps({"model": MODEL, "messages": messages, **options}).encode()
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {server.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body


async def read_whole(reader: asyncio.StreamReader) -> int:
    """Read an answer with a length; count 1."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.partition(b":")[2]))
    return 1


async def read_chunked(reader: asyncio.StreamReader) -> int:
    """Read an answer to its last chunk; count the events."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    events = 0
    while size := int(await reader.readuntil(b"\r\n"), 16):
        events += (await reader.readexactly(size + 2)).count(b"data: ")
    await reader.readexactly(2)
    return events


async def load(server: Server, read: Callable[[asyncio.StreamReader], Awaitable[int]], **options: Any) -> float:
    """Ask over 16 connections for some seconds; return counts a second."""
    prompts = [json.loads(line)["messages"] for line in PROMPTS.read_text().splitlines()]
    requests = cycle([request(server, messages, **options) for messages in prompts])
    end = perf_counter() + SECONDS

    async def ask() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**20)
        counted = 0
        while perf_counter() < end:
            writer.write(next(requests))
            counted += await read(reader)
        writer.close()
        return counted

    start = perf_counter()
    counts = await asyncio.gather(*[ask() for _ in range(CONNECTIONS)])
    return sum(counts) / (perf_counter() - start)


def measure(server: Server) -> tuple[float, float]:
    """Return (chats a second, events a second)."""
    chats = asyncio.run(load(server, read_whole, stream=False))
    events = asyncio.run(load(server, read_chunked, stream=True))
    many = asyncio.run(load(server, read_chunked, stream=True, n=8))
    print(
        f"{server.name:10} {chats:8.0f} chats/s  {events:8.0f} events/s  {many:8.0f} events/s of long streams",
        flush=True,
    )
    return chats, events


def main() -> None:
    """Print the figures, by turns, so that a busy machine is busy for both."""
    port, other_port = free_port(), free_port()
    ours = [sys.executable, "-m", "simulator", "serve", "--port", str(port)]
    command = os.environ.get("LLMOCK") or which("llmock")
    with run_server("simulator", ours, port, create_session_key(TUNING_REGION), "/_simulator/health") as simulator:
        OpenAI(api_key=simulator.key, base_url=f"http://127.0.0.1:{port}/v1").files.create(
            file=PROMPTS, purpose="fine-tune"
        )
        if not command:
            print("llmock is left out: it is not on the path, and LLMOCK names no command")
            for _ in range(ROUNDS):
                measure(simulator)
            return
        theirs = [command, "serve", "--port", str(other_port), "--log-level", "warning"]
        with run_server("llmock", theirs, other_port, "x", "/v1/models") as llmock:
            for _ in range(ROUNDS):
                (chats, events), (their_chats, their_events) = measure(simulator), measure(llmock)
                print(f"{'ratio':10} {chats / their_chats:8.2f}          {events / max(1, their_events):9.2f}")


if __name__ == "__main__":
    main()
