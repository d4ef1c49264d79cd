"""Sampling from an OpenAI-compatible server over a socket, and from stored responses."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import httpx
import httpx2
import pytest
import respx

from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_run import initial_state, prepare_run, sample_step, train_step
from simulator.upstream.errors import UpstreamError
from simulator.upstream.response_cache import ResponseCache, SamplingParameters
from simulator.upstream.sampling import ModelServer, redact_url, sample_responses
from tests.simulators import RunningSimulator
from tests.training.reward_functions import always_one
from tests.training.training_runs import GPT, score_groups
from tests.upstream.conftest import CLOSED_URL, make_record
from tests.upstream.mock_completions import ONE, completion, error_message, mock_completion, sample_one

RECORDS = tuple(make_record(line) for line in range(1, 7))


@pytest.fixture(scope="module")
def server(served_simulator: RunningSimulator) -> ModelServer:
    """The chat endpoint of a served simulator."""
    lines = [
        {"messages": [{"role": "user", "content": record.messages[0].content}], **record.fields} for record in RECORDS
    ]
    served_simulator.upload("".join(json.dumps(line) + "\n" for line in lines).encode())
    return ModelServer(url=f"{served_simulator.url}/v1", model=GPT, api_key=served_simulator.key, retries=0)


def test_each_record_gets_the_requested_number_of_responses(server: ModelServer, cache: ResponseCache) -> None:
    """With text, reasoning, tokens and finish reason; at temperature 1 they differ."""
    responses_by_line = sample_responses(RECORDS, server=server, cache=cache, count=5)
    assert {line: len(responses) for line, responses in responses_by_line.items()} == dict.fromkeys(range(1, 7), 5)
    texts = [response.text for responses in responses_by_line.values() for response in responses]
    assert len(set(texts)) > 12
    assert all(response.tokens > response.reasoning_tokens > 0 for response in responses_by_line[1])
    assert all(response.reasoning and response.finish_reason == "stop" for response in responses_by_line[1])


def test_stored_responses_need_no_server(server: ModelServer, cache: ResponseCache) -> None:
    """Address and key do not matter then, and fewer responses can be read."""
    responses_by_line = sample_responses(RECORDS, server=server, cache=cache, count=3)
    offline = replace(server, url=None, api_key=None)
    assert sample_responses(RECORDS, server=offline, cache=cache, count=3) == responses_by_line
    assert sample_responses(RECORDS, server=replace(server, url=CLOSED_URL), cache=cache, count=3) == responses_by_line
    assert sample_responses(RECORDS[:2], server=offline, cache=cache, count=2) == {
        1: responses_by_line[1][:2],
        2: responses_by_line[2][:2],
    }


def test_only_missing_responses_are_sampled(server: ModelServer, cache: ResponseCache) -> None:
    """The stored ones stay the same."""
    first = sample_responses(RECORDS[:4], server=server, cache=cache, count=2)
    progress: list[tuple[int, int]] = []
    later = sample_responses(
        RECORDS, server=server, cache=cache, count=4, progress=lambda *counts: progress.append(counts)
    )
    assert {line: responses[:2] for line, responses in later.items() if line <= 4} == first
    assert progress == [(sampled, 24) for sampled in range(8, 25)]


def test_an_interrupted_sampling_continues(server: ModelServer, cache: ResponseCache) -> None:
    """After Ctrl-C, stored responses are not sampled again."""

    def interrupt(sampled: int, total: int) -> None:
        if sampled == 7:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # the test runner may have its own
    try:
        with pytest.raises(KeyboardInterrupt):
            sample_responses(RECORDS, server=server, cache=cache, count=4, progress=interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    progress: list[tuple[int, int]] = []
    sample_responses(RECORDS, server=server, cache=cache, count=4, progress=lambda *counts: progress.append(counts))
    assert progress[0][0] >= 7
    assert progress[-1] == (24, 24)


def test_sampling_is_reproducible_with_a_server_that_uses_seeds(server: ModelServer, tmp_path: Path) -> None:
    """For every concurrency."""
    many = sample_responses(RECORDS, server=server, cache=ResponseCache(tmp_path / "many"), count=3)
    one = sample_responses(
        RECORDS, server=replace(server, concurrency=1), cache=ResponseCache(tmp_path / "one"), count=3
    )
    assert many == one


def test_records_with_the_same_prompt_share_their_responses(server: ModelServer, cache: ResponseCache) -> None:
    """The prompt is sampled once."""
    records = (make_record(1), make_record(2, make_record(1).messages[0].content))
    progress: list[tuple[int, int]] = []
    responses_by_line = sample_responses(
        records, server=server, cache=cache, count=2, progress=lambda *counts: progress.append(counts)
    )
    assert responses_by_line[1] == responses_by_line[2]
    assert progress == [(0, 2), (1, 2), (2, 2)]


def test_other_parameters_have_their_own_responses(server: ModelServer, cache: ResponseCache) -> None:
    """Responses at temperature 0 are not samples at temperature 1."""
    sample_responses(RECORDS[:1], server=server, cache=cache, count=1)
    cold = replace(server, url=None, parameters=SamplingParameters(temperature=0.0))
    with pytest.raises(UpstreamError) as exc_info:
        sample_responses(RECORDS[:1], server=cold, cache=cache, count=1)
    assert str(exc_info.value) == (
        f"1 of 1 responses of {GPT} are not stored yet: name a server that has this model, to sample them once"
    )


def test_the_token_budget_is_sent_to_the_server(server: ModelServer, cache: ResponseCache) -> None:
    """Truncated responses have the finish reason `length`."""
    short = replace(server, parameters=SamplingParameters(max_tokens=30))
    (response,) = sample_responses(RECORDS[:1], server=short, cache=cache, count=1)[1]
    assert (response.tokens, response.finish_reason) == (30, "length")


def test_a_run_trains_on_sampled_responses(server: ModelServer, cache: ResponseCache) -> None:
    """`prepare_run` takes the mapping."""
    recorded = sample_responses(RECORDS, server=server, cache=cache, count=4)
    run = prepare_run(RECORDS, model=GPT, hyperparameters=Hyperparameters(), seed=1, recorded_responses=recorded)
    groups = sample_step(run, initial_state())
    texts = {response.text for responses in recorded.values() for response in responses}
    assert {rollout.text for group in groups for rollout in group.rollouts} <= texts
    assert train_step(run, initial_state(), groups, score_groups(groups, always_one)).metrics.critic_rewards_mean == 1.0


def test_for_an_unknown_model_the_error_lists_the_models_of_the_server(
    server: ModelServer, cache: ResponseCache
) -> None:
    """A frequent mistake with local servers."""
    with pytest.raises(UpstreamError) as exc_info:
        sample_responses(RECORDS, server=replace(server, model="gpt-oss"), cache=cache, count=1)
    assert str(exc_info.value) == (
        f"{server.url} has no model 'gpt-oss', or no chat completions at this address (The model 'gpt-oss' does not "
        "exist). It has: openai.gpt-oss-120b, openai.gpt-oss-20b, qwen.qwen3-32b."
    )


@pytest.mark.parametrize("api_key", ["wrong", None])
def test_a_refused_key_is_reported_without_the_key(
    server: ModelServer, cache: ResponseCache, api_key: str | None
) -> None:
    """A key in the environment is not used instead."""
    with pytest.raises(UpstreamError) as exc_info:
        sample_responses(RECORDS, server=replace(server, api_key=api_key), cache=cache, count=1)
    assert str(exc_info.value) == (
        f"{server.url} refused the key (status 401: Invalid bearer token): give the API key that this server expects"
    )


def test_an_address_without_v1_gets_a_hint(
    server: ModelServer, served_simulator: RunningSimulator, cache: ResponseCache
) -> None:
    """The server exists, but not the path."""
    with pytest.raises(UpstreamError, match=r"the address usually ends in /v1\.$"):
        sample_responses(RECORDS, server=replace(server, url=served_simulator.url), cache=cache, count=1)


@pytest.mark.parametrize("url", ["models.test/v1", "ftp://models.test", "http://", "http://[::1", "http://a:b/v1"])
def test_an_invalid_address_is_refused(upstream: ModelServer, cache: ResponseCache, url: str) -> None:
    """Before any request."""
    assert error_message(replace(upstream, url=url), cache) == (
        f"{url} is not the address of a server: give its OpenAI-compatible base, such as http://127.0.0.1:11434/v1"
    )


def test_a_request_has_the_prompt_and_nothing_from_the_environment(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One response per request, with a seed. Keys and ids in the environment are for OpenAI."""
    for name in ("API_KEY", "ORG_ID", "PROJECT_ID", "ADMIN_KEY"):
        monkeypatch.setenv(f"OPENAI_{name}", "from-the-environment")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer from-the-environment")
    route = mock_completion(router, completion({"content": "#### 2"}))
    sample_one(replace(upstream, api_key=None), cache)
    request = route.calls.last.request
    body = json.loads(request.content)
    assert isinstance(body.pop("seed"), int)
    assert body == {
        "model": "small",
        "temperature": 1.0,
        "messages": [{"role": "user", "content": 'What is 1 + 1? Give the answer after "####".'}],
    }
    assert request.headers["authorization"] == "Bearer none"
    assert "from-the-environment" not in str(request.headers.raw)


def test_responses_before_a_failure_are_stored(
    upstream: ModelServer, cache: ResponseCache, router: respx.Router
) -> None:
    """Two responses, then the server fails."""
    fine = httpx.Response(200, json=completion({"content": "#### 2"}))
    router.post("/chat/completions").mock(side_effect=[fine, fine, httpx2.ConnectError("gone")])
    with pytest.raises(UpstreamError, match=r"cannot be reached \(gone\)"):
        sample_responses(ONE, server=upstream, cache=cache, count=3)
    assert len(sample_responses(ONE, server=replace(upstream, url=None), cache=cache, count=2)[1]) == 2


def test_a_url_is_redacted() -> None:
    """User names, passwords and queries can be secrets."""
    assert redact_url("https://me:secret@models.test:8443/v1?key=secret") == "https://models.test:8443/v1"
