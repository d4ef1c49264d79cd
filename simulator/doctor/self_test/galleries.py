"""The galleries: reward functions with a known fault, or with none. A wheel has a copy (pyproject.toml)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.doctor.probes.static.score_scale import sample_evenly

IN_WHEEL: Final = Path(__file__).parent / "fixtures"
"""Where a wheel has the folders `gallery` and `prompts`."""

_IN_CHECKOUT: Final = Path(__file__).parents[3] / "fixtures"
_VERDICTS: Final = "verdicts.json"

QUICK_COUNT: Final = 12
"""The quick self-test runs so many faulty and so many sound reward functions: about two minutes on two cores."""


class GalleriesMissingError(Exception):
    """There is no gallery: the installation is incomplete. The message says where it was looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryReward:
    """A reward function, and what is known of it.

    Attributes:
        gallery: `tuning`, on which the rules of the doctor are set, or `set_aside`, on which they are not.
        path: its folder.
        data: its training file.
        is_sound: whether nothing is wrong with it.
        expected: the ids of the findings that name its fault. Empty if they are not written down.
    """

    gallery: str
    name: str
    path: Path
    data: Path
    is_sound: bool
    expected: tuple[str, ...] = ()


def galleries_folder() -> Path:
    """Return the folder with the galleries and their prompts.

    Raises:
        GalleriesMissingError: neither the package nor a checkout has it.
    """
    for folder in (IN_WHEEL, _IN_CHECKOUT):
        if (folder / "gallery").is_dir():
            return folder
    raise GalleriesMissingError(f"the reward functions of the self-test are neither in {IN_WHEEL} nor {_IN_CHECKOUT}")


def load_galleries(folder: Path) -> tuple[GalleryReward, ...]:
    """Return the reward functions of all galleries, by gallery and name."""
    return tuple(
        GalleryReward(
            gallery=path.parent.name,
            name=name,
            path=path.parent / name,
            data=folder / "prompts" / verdict["data"],
            is_sound=verdict["sound"],
            expected=tuple(verdict.get("expected", ())),
        )
        for path in sorted((folder / "gallery").glob(f"*/{_VERDICTS}"))
        for name, verdict in sorted(json.loads(path.read_text(encoding="utf-8")).items())
    )


def quick_selection(rewards: Sequence[GalleryReward]) -> tuple[GalleryReward, ...]:
    """Return `QUICK_COUNT` faulty and as many sound ones, evenly spread, so that each gallery has its share."""
    chosen: set[GalleryReward] = set()
    for is_sound in (False, True):
        chosen |= set(sample_evenly([reward for reward in rewards if reward.is_sound is is_sound], QUICK_COUNT))
    return tuple(reward for reward in rewards if reward in chosen)
