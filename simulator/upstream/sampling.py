"""Samples responses of a real model: n per prompt, from an OpenAI-compatible server.

Stored responses are not requested again. So a complete folder needs no server, and an interrupted run continues. Each
response is a request of its own, because many servers ignore `n`.
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
"""Called with (stored responses, all responses to sample): at the start and after each new response."""

_NO_KEY: Final = "none"  # the SDK needs a key, and a server without keys accepts any
_SEEDS: Final = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServer:
    """A model server and how to sample from it.

    Attributes:
        url: its OpenAI-compatible base URL, such as http://127.0.0.1:11434/v1; None: use stored responses only.
        model: the name of the model on the server.
        api_key: sent to the server and not stored.
        parameters: how responses are sampled.
        concurrency: how many requests run at once.
        timeout: seconds for one response; large models on small machines need minutes.
        retries: how often the SDK retries after a 429, a 5xx or a lost connection.
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
    progress: ProgressCallback = lambda _sampled, _total: None,
) -> dict[int, tuple[RecordedResponse, ...]]:
    """Return `count` responses to the prompt of each record, by its line, as `training_run.prepare_run` takes them.

    Every response is stored at once: an interruption (Ctrl-C) loses only running requests. Do not call this inside an
    event loop.

    Raises:
        UpstreamError: the server cannot be reached or does not answer, or responses are missing and there is no server.
    """
    prompts = {
        record.line: CachedPrompt(model=server.model, messages=record.messages, parameters=server.parameters)
        for record in records
    }
    task = _SamplingTask(server=server, cache=cache, count=count, progress=progress, prompts=tuple(prompts.values()))
    if task.missing:
        if server.url is None:
            raise UpstreamError(
                f"{task.missing} of {task.total} responses of {server.model} are not stored yet: "
                "name a server that has this model, to sample them once"
            )
        _check_url(server.url)
        asyncio.run(task.sample_missing(server.url))
    return {line: task.responses(prompt) for line, prompt in prompts.items()}


class _SamplingTask:
    """The stored and the missing responses of some prompts. Equal prompts share their responses."""

    def __init__(
        self,
        *,
        server: ModelServer,
        cache: ResponseCache,
        count: int,
        progress: ProgressCallback,
        prompts: Sequence[CachedPrompt],
    ) -> None:
        self._server = server
        self._cache = cache
        self._count = count
        self._progress = progress
        self._prompts = {prompt.key: prompt for prompt in prompts}
        self._responses_by_key = {key: list(cache.read(prompt)) for key, prompt in self._prompts.items()}
        self.total = count * len(self._prompts)

    @property
    def missing(self) -> int:
        """How many responses are not sampled yet."""
        return sum(max(0, self._count - len(responses)) for responses in self._responses_by_key.values())

    def responses(self, prompt: CachedPrompt) -> tuple[RecordedResponse, ...]:
        """Return the first `count` responses to a prompt."""
        return tuple(self._responses_by_key[prompt.key][: self._count])

    async def sample_missing(self, url: str) -> None:
        """Sample the missing responses.

        Raises:
            UpstreamError: a request failed after its retries; all responses before it are stored.
        """
        self._progress(self.total - self.missing, self.total)
        keys = iter([key for key, responses in self._responses_by_key.items() if len(responses) < self._count])
        api_key = self._server.api_key or _NO_KEY
        client = AsyncOpenAI(
            base_url=url,
            api_key=api_key,
            default_headers={"Authorization": f"Bearer {api_key}"},  # overrides one in OPENAI_CUSTOM_HEADERS
            timeout=self._server.timeout,
            max_retries=self._server.retries,
        )
        # The SDK reads these from the environment, where they are meant for OpenAI.
        client.organization = client.project = None
        try:
            async with client, asyncio.TaskGroup() as workers:
                for _ in range(self._server.concurrency):
                    workers.create_task(self._sample_prompts(client, url, keys))
        except ExceptionGroup as errors:
            first_error = errors.exceptions[0]
            raise (first_error if isinstance(first_error, UpstreamError) else errors) from None

    async def _sample_prompts(self, client: AsyncOpenAI, url: str, keys: Iterator[str]) -> None:
        """Sample prompts until there are none left. The responses to one prompt are sampled one after another."""
        for key in keys:
            prompt, responses = self._prompts[key], self._responses_by_key[key]
            while len(responses) < self._count:
                responses.append(await self._sample(client, url, prompt, len(responses)))
                self._cache.write(prompt, responses, server=redact_url(url))
                self._progress(self.total - self.missing, self.total)

    async def _sample(self, client: AsyncOpenAI, url: str, prompt: CachedPrompt, index: int) -> RecordedResponse:
        try:
            completion = await client.chat.completions.create(
                model=prompt.model,
                messages=cast(
                    "Any", [{"role": message.role, "content": message.content} for message in prompt.messages]
                ),
                # Without different seeds, a server or proxy with a cache would return the same response n times.
                seed=stable_hash("upstream", prompt.key, index) % _SEEDS,
                **cast("Mapping[str, Any]", prompt.parameters.as_request_fields()),
            )
        except Exception as error:
            raise await describe_failure(error, client=client, url=redact_url(url), model=prompt.model) from error
        return parse_completion(completion, url=redact_url(url), model=prompt.model)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an incomplete IPv6 address, or a port that is not a number
        is_address = False
    if not is_address:
        raise UpstreamError(
            f"{url} is not the address of a server: give its OpenAI-compatible base, such as http://127.0.0.1:11434/v1"
        )


def redact_url(url: str) -> str:
    """Return a URL without its user name, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
