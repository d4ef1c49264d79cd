"""Sampling from a real OpenAI-compatible server over a real socket: once, kept, gone on with, replayed without it."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_run import initial_state, prepare_run, sample_step, train_step
from simulator.upstream.errors import UpstreamError
from simulator.upstream.response_cache import ResponseCache, SamplingParameters
from simulator.upstream.sampling import ModelServer, sample_responses
from tests.simulators import RunningSimulator
from tests.training.reward_functions import always_one
from tests.training.training_runs import GPT, score_groups
from tests.upstream.conftest import CLOSED_URL, make_record

RECORDS = tuple(make_record(line) for line in range(1, 7))


@pytest.fixture(scope="module")
def server(served_simulator: RunningSimulator) -> ModelServer:
    """This project's own simulator, whose chat endpoint is such a server."""
    lines = [
        {"messages": [{"role": "user", "content": record.messages[0].content}], **record.fields} for record in RECORDS
    ]
    served_simulator.upload("".join(json.dumps(line) + "\n" for line in lines).encode())
    return ModelServer(url=f"{served_simulator.url}/v1", model=GPT, api_key=served_simulator.key, retries=0)


def test_each_record_gets_as_many_responses_as_asked_for(server: ModelServer, cache: ResponseCache) -> None:
    """With text, thinking, tokens and the reason of their end; they differ, as at temperature 1 they must."""
    found = sample_responses(RECORDS, server=server, cache=cache, count=5)
    assert {line: len(responses) for line, responses in found.items()} == dict.fromkeys(range(1, 7), 5)
    texts = [response.text for responses in found.values() for response in responses]
    assert len(set(texts)) > 12
    assert all(response.tokens > response.reasoning_tokens > 0 for response in found[1])
    assert all(response.reasoning and response.finish_reason == "stop" for response in found[1])


def test_what_is_kept_is_replayed_with_no_server(server: ModelServer, cache: ResponseCache) -> None:
    """Neither the address nor a key matters then, and fewer than are kept can be asked for."""
    found = sample_responses(RECORDS, server=server, cache=cache, count=3)
    offline = replace(server, url=None, api_key=None)
    assert sample_responses(RECORDS, server=offline, cache=cache, count=3) == found
    assert sample_responses(RECORDS, server=replace(server, url=CLOSED_URL), cache=cache, count=3) == found
    assert sample_responses(RECORDS[:2], server=offline, cache=cache, count=2) == {1: found[1][:2], 2: found[2][:2]}


def test_more_responses_later_ask_only_for_the_missing_ones(server: ModelServer, cache: ResponseCache) -> None:
    """And for other records likewise; the first ones stay as they were."""
    first = sample_responses(RECORDS[:4], server=server, cache=cache, count=2)
    seen: list[tuple[int, int]] = []
    more = sample_responses(RECORDS, server=server, cache=cache, count=4, progress=lambda *at: seen.append(at))
    assert {line: responses[:2] for line, responses in more.items() if line <= 4} == first
    assert seen == [(there, 24) for there in range(8, 25)]


def test_an_interrupted_sampling_keeps_what_it_has(server: ModelServer, cache: ResponseCache) -> None:
    """Ctrl-C in the middle, and then the rest: whatever was there is not asked for again."""

    def interrupted(there: int, wanted: int) -> None:
        if there == 7:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a test runner may have put another there
    try:
        with pytest.raises(KeyboardInterrupt):
            sample_responses(RECORDS, server=server, cache=cache, count=4, progress=interrupted)
    finally:
        signal.signal(signal.SIGINT, before)
    seen: list[tuple[int, int]] = []
    sample_responses(RECORDS, server=server, cache=cache, count=4, progress=lambda *at: seen.append(at))
    assert seen[0][0] >= 7
    assert seen[-1] == (24, 24)


def test_the_same_sampling_from_a_server_that_honours_seeds_is_the_same(server: ModelServer, tmp_path: Path) -> None:
    """However many requests were under way at once."""
    many = sample_responses(RECORDS, server=server, cache=ResponseCache(tmp_path / "many"), count=3)
    one = sample_responses(
        RECORDS, server=replace(server, concurrency=1), cache=ResponseCache(tmp_path / "one"), count=3
    )
    assert many == one


def test_two_records_with_the_same_prompt_share_their_responses(server: ModelServer, cache: ResponseCache) -> None:
    """The prompt is asked once; each line has them."""
    twice = (make_record(1), make_record(2, make_record(1).messages[0].content))
    seen: list[tuple[int, int]] = []
    found = sample_responses(twice, server=server, cache=cache, count=2, progress=lambda *at: seen.append(at))
    assert found[1] == found[2]
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_another_model_or_other_parameters_are_kept_apart(server: ModelServer, cache: ResponseCache) -> None:
    """A cold model's responses are no rollouts of a warm one."""
    sample_responses(RECORDS[:1], server=server, cache=cache, count=1)
    cold = replace(server, url=None, parameters=SamplingParameters(temperature=0.0))
    with pytest.raises(UpstreamError) as caught:
        sample_responses(RECORDS[:1], server=cold, cache=cache, count=1)
    assert str(caught.value) == (
        f"1 of 1 responses of {GPT} are not stored yet: name a server that has this model, to sample them once"
    )


def test_a_token_budget_is_passed_on_and_seen(server: ModelServer, cache: ResponseCache) -> None:
    """Responses that it cuts off say so."""
    short = replace(server, parameters=SamplingParameters(max_tokens=30))
    (response,) = sample_responses(RECORDS[:1], server=short, cache=cache, count=1)[1]
    assert (response.tokens, response.finish_reason) == (30, "length")


def test_a_run_trains_on_what_was_sampled(server: ModelServer, cache: ResponseCache) -> None:
    """The mapping is what `prepared` takes."""
    recorded = sample_responses(RECORDS, server=server, cache=cache, count=4)
    run = prepare_run(RECORDS, model=GPT, hyperparameters=Hyperparameters(), seed=1, recorded_responses=recorded)
    groups = sample_step(run, initial_state())
    texts = {response.text for responses in recorded.values() for response in responses}
    assert {rollout.text for group in groups for rollout in group.rollouts} <= texts
    assert train_step(run, initial_state(), groups, score_groups(groups, always_one)).metrics.critic_rewards_mean == 1.0


def test_a_model_that_the_server_does_not_have_is_told_with_those_it_has(
    server: ModelServer, cache: ResponseCache
) -> None:
    """The commonest mistake with a local server."""
    with pytest.raises(UpstreamError) as caught:
        sample_responses(RECORDS, server=replace(server, model="gpt-oss"), cache=cache, count=1)
    assert str(caught.value) == (
        f"{server.url} has no model 'gpt-oss', or no chat completions at this address (The model 'gpt-oss' does not "
        "exist). It has: openai.gpt-oss-120b, openai.gpt-oss-20b, qwen.qwen3-32b."
    )


@pytest.mark.parametrize("api_key", ["wrong", None])
def test_a_key_that_the_server_refuses_is_told_without_showing_it(
    server: ModelServer, cache: ResponseCache, api_key: str | None
) -> None:
    """A key in the environment is not used in its place: the tests' own variable would have to be."""
    with pytest.raises(UpstreamError) as caught:
        sample_responses(RECORDS, server=replace(server, api_key=api_key), cache=cache, count=1)
    assert str(caught.value) == (
        f"{server.url} refused the key (status 401: Invalid bearer token): give the API key that this server expects"
    )


def test_an_address_without_its_v1_is_suspected(
    server: ModelServer, served_simulator: RunningSimulator, cache: ResponseCache
) -> None:
    """The server is there, the path is not."""
    with pytest.raises(UpstreamError, match=r"the address usually ends in /v1\.$"):
        sample_responses(RECORDS, server=replace(server, url=served_simulator.url), cache=cache, count=1)
