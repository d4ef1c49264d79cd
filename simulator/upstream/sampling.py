"""Rollouts of a real model: n responses to each prompt from an OpenAI-compatible server, each asked for once.

What is kept already is not asked for again, so a run that is complete needs no server, and one that was cut off goes on
where it was. Each response is a request of its own: many servers ignore `n`.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlsplit, urlunsplit

from openai import AsyncOpenAI

from simulator.training.dataset import Record
from simulator.training.random_draws import stable_hash
from simulator.training.recorded_response import RecordedResponse
from simulator.upstream.completion_parser import parse_completion
from simulator.upstream.errors import UpstreamError
from simulator.upstream.request_errors import describe_failure
from simulator.upstream.response_cache import CachedPrompt, ResponseCache, SamplingParameters

ProgressCallback = Callable[[int, int], None]
"""Called with (responses that there are, responses that are wanted): at the start, and after each new one."""

_NO_KEY: Final = "none"  # a server that asks for no key takes any, and the SDK insists on one
_SEEDS: Final = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServer:
    """A server, the model that it is asked for, and how.

    Attributes:
        url: its OpenAI-compatible base, such as http://127.0.0.1:11434/v1; None allows only what is kept.
        model: the model's name there.
        api_key: sent to it, and kept nowhere.
        parameters: how responses are drawn.
        concurrency: how many requests are under way at once.
        timeout: seconds for one response; a large model on a small machine needs minutes.
        retries: how often the SDK repeats what may pass: 429, 5xx, a lost connection.
    """

    url: str | None
    model: str
    api_key: str | None = field(default=None, repr=False)
    parameters: SamplingParameters = field(default_factory=SamplingParameters)
    concurrency: int = 8
    timeout: float = 600.0
    retries: int = 4


def sample_responses(
    records: Sequence[Record],
    *,
    server: ModelServer,
    cache: ResponseCache,
    count: int,
    progress: ProgressCallback = lambda _there, _wanted: None,
) -> dict[int, tuple[RecordedResponse, ...]]:
    """Return `count` responses to each record's prompt, by the record's line, as `training.run.prepared` takes them.

    Every response is kept as soon as it is there: whoever interrupts this (Ctrl-C) loses only what was under way. Not
    to be called where an event loop runs.

    Raises:
        UpstreamError: the server cannot be reached or does not answer, or something is missing and there is no server.
    """
    prompts = {
        record.line: CachedPrompt(model=server.model, messages=record.messages, parameters=server.parameters)
        for record in records
    }
    work = _SamplingTask(upstream=server, cache=cache, count=count, progress=progress, prompts=tuple(prompts.values()))
    if work.missing:
        if server.url is None:
            raise UpstreamError(
                f"{work.missing} of {work.wanted} responses of {server.model} are not kept yet: "
                "name a server that has this model, to sample them once"
            )
        _check(server.url)
        asyncio.run(work.sample_missing(server.url))
    return {line: work.responses(asked) for line, asked in prompts.items()}


class _SamplingTask:
    """What there is and what is missing of some prompts; of the same prompt twice the responses are shared."""

    def __init__(
        self,
        *,
        upstream: ModelServer,
        cache: ResponseCache,
        count: int,
        progress: ProgressCallback,
        prompts: Sequence[CachedPrompt],
    ) -> None:
        self._upstream = upstream
        self._cache = cache
        self._count = count
        self._progress = progress
        self._asked = {asked.key: asked for asked in prompts}
        self._there = {name: list(cache.read(asked)) for name, asked in self._asked.items()}
        self.wanted = count * len(self._asked)

    @property
    def missing(self) -> int:
        """How many responses are still to be asked for."""
        return sum(max(0, self._count - len(there)) for there in self._there.values())

    def responses(self, asked: CachedPrompt) -> tuple[RecordedResponse, ...]:
        """Return a prompt's first responses; what was kept beyond `count` is not used."""
        return tuple(self._there[asked.key][: self._count])

    async def sample_missing(self, url: str) -> None:
        """Ask for what is missing.

        Raises:
            UpstreamError: at the first request that fails for good; what is there by then is kept.
        """
        self._progress(self.wanted - self.missing, self.wanted)
        prompts = iter([name for name, there in self._there.items() if len(there) < self._count])
        api_key = self._upstream.api_key or _NO_KEY
        client = AsyncOpenAI(
            base_url=url,
            api_key=api_key,
            default_headers={"Authorization": f"Bearer {api_key}"},  # before one in OPENAI_CUSTOM_HEADERS
            timeout=self._upstream.timeout,
            max_retries=self._upstream.retries,
        )
        # Which the SDK reads from the environment, where they are meant for OpenAI.
        client.organization = client.project = None
        try:
            async with client, asyncio.TaskGroup() as workers:
                for _ in range(self._upstream.concurrency):
                    workers.create_task(self._work(client, url, prompts))
        except ExceptionGroup as failed:
            first = failed.exceptions[0]
            raise (first if isinstance(first, UpstreamError) else failed) from None

    async def _work(self, client: AsyncOpenAI, url: str, prompts: Iterator[str]) -> None:
        """Take prompts until there are none. The responses to one come one after another, so that none is left out."""
        for name in prompts:
            asked, there = self._asked[name], self._there[name]
            while len(there) < self._count:
                there.append(await self._one(client, url, asked, len(there)))
                self._cache.write(asked, there, server=redact_url(url))
                self._progress(self.wanted - self.missing, self.wanted)

    async def _one(self, client: AsyncOpenAI, url: str, asked: CachedPrompt, place: int) -> RecordedResponse:
        try:
            answer = await client.chat.completions.create(
                model=asked.model,
                messages=cast(
                    "Any", [{"role": message.role, "content": message.content} for message in asked.messages]
                ),
                # A server or a proxy that answers a like request from its memory would give one response n times.
                seed=stable_hash("upstream", asked.key, place) % _SEEDS,
                **cast("Mapping[str, Any]", asked.parameters.as_request_fields()),
            )
        except Exception as fault:
            raise await describe_failure(fault, client=client, url=redact_url(url), model=asked.model) from fault
        return parse_completion(answer, url=redact_url(url), model=asked.model)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # half of an IPv6 address, or a port that is no number
        is_address = False
    if not is_address:
        raise UpstreamError(
            f"{url} is not the address of a server: give its OpenAI-compatible base, such as http://127.0.0.1:11434/v1"
        )


def redact_url(url: str) -> str:
    """Return an address as it may be written down: without the name, password and query that it may hold."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
