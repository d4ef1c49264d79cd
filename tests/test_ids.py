"""Identifiers: their formats, and that they depend only on the seed and their arguments."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.ids import Ids, digest

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
IDS = Ids(seed=0)


@pytest.mark.shows("ids", "ids-of-jobs")
@pytest.mark.parametrize(
    ("name", "form"),
    [
        (IDS.file(0), UUID4),
        (IDS.job(0), f"ftjob-{UUID4}"),
        (IDS.event("ftjob-1", 0), f"ftevent-{UUID4}"),
        (IDS.checkpoint("ftjob-1", 20), f"ftckpt-{UUID4}"),
        (IDS.completion(0), f"chatcmpl-{UUID4}"),
        (IDS.invocation(0), UUID4),
        (IDS.request(0), r"req_[0-9a-f]{32}"),
        (
            IDS.tuned_model("ftjob-1", "openai.gpt-oss-20b", "123456789012"),
            r"ft:openai\.gpt-oss-20b:123456789012::[a-z2-7]{8}",
        ),
    ],
)
def test_an_id_has_the_format_of_its_kind(name: str, form: str) -> None:
    """The contract's section on ids."""
    assert re.fullmatch(form, name)


def test_an_id_is_the_same_in_every_process() -> None:
    """A change of these values breaks every recorded log."""
    assert (IDS.file(0), IDS.job(0)) == (
        "1c58b4b7-1f0b-45d3-9fee-016d1ee21752",
        "ftjob-6ea8b8fb-21bb-4f60-96fb-a8b332babf90",
    )


def test_kinds_ordinals_and_seeds_give_different_ids() -> None:
    """No two of these are equal."""
    ids = [
        IDS.file(0),
        IDS.file(1),
        Ids(seed=1).file(0),
        IDS.invocation(0),
        IDS.job(0).removeprefix("ftjob-"),
        IDS.event("ftjob-1", 0).removeprefix("ftevent-"),
        IDS.event("ftjob-2", 0).removeprefix("ftevent-"),
        IDS.completion(0).removeprefix("chatcmpl-"),
    ]
    assert len(set(ids)) == len(ids)


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_a_digest_depends_on_the_boundaries_of_its_parts(first: list[str], second: list[str]) -> None:
    """("ab", "c") and ("a", "bc") differ."""
    assert (digest(*first) == digest(*second)) == (first == second)
