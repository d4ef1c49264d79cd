"""The type of the `rft` fixture, and arguments of `rft train`."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]

TRAIN_ARGUMENTS = ("train", "--data", "train.jsonl", "--reward", "reward", "--compare-rows", "20")


TRAIN_WITH_VALIDATION_ARGUMENTS = (*TRAIN_ARGUMENTS, "--validation", "validation.jsonl")
