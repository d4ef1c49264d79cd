"""The reward functions of the self-test."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest

from simulator.doctor.self_test import galleries
from simulator.doctor.self_test.galleries import (
    IN_WHEEL,
    QUICK_COUNT,
    GalleriesMissingError,
    galleries_folder,
    load_galleries,
    quick_selection,
)

ROOT = Path(__file__).parents[3]


def test_a_checkout_has_the_galleries_in_its_fixtures() -> None:
    """Every reward function and data file that a verdict names exists, and some of each are sound."""
    rewards = load_galleries(galleries_folder())
    assert [reward for reward in rewards if not (reward.path.is_dir() and reward.data.is_file())] == []
    assert {(reward.gallery, reward.is_sound) for reward in rewards} == {
        (gallery, is_sound) for gallery in ("set_aside", "tuning") for is_sound in (False, True)
    }


def test_the_wheel_has_a_copy_where_an_installed_simulator_looks_for_it() -> None:
    """A wheel has no `fixtures/`, so pyproject.toml includes the galleries and their prompts in the package."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        included = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for name in ("gallery", "prompts"):
        assert included[f"fixtures/{name}"] == (IN_WHEEL / name).relative_to(ROOT).as_posix()


def test_an_installation_without_galleries_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says where they were looked for."""
    monkeypatch.setattr(galleries, "IN_WHEEL", tmp_path / "a")
    monkeypatch.setattr(galleries, "_IN_CHECKOUT", tmp_path / "b")
    with pytest.raises(GalleriesMissingError, match=f"neither in {tmp_path}/a nor {tmp_path}/b"):
        galleries_folder()


def test_the_quick_selection_has_as_many_faulty_as_sound_ones_of_both_galleries() -> None:
    """In the order of all, and the same ones each time."""
    rewards = load_galleries(galleries_folder())
    chosen = quick_selection(rewards)
    assert Counter(reward.is_sound for reward in chosen) == {True: QUICK_COUNT, False: QUICK_COUNT}
    assert {reward.gallery for reward in chosen} == {"set_aside", "tuning"}
    assert list(chosen) == [reward for reward in rewards if reward in set(chosen)]
