"""How each base model behaves before training: numbers calibrated on published runs, not documented by AWS.

`openai.gpt-oss-20b` is fitted to the metrics event in Amazon's sample notebook (reward .4375, entropy .62, 519 tokens
at step 4 of 67) and to its blog's curve (.56 -> .85..97). `qwen.qwen3-32b` has no public Bedrock curve; it is fitted
to verl's Qwen2.5-32B LoRA log (reward .728, entropy .268, 246 tokens of a terser prompt).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp

from simulator.training.policy_actions import FORMAT, HEADS, RESPONSE_TYPE, STYLE, VERBOSITY
from simulator.training.random_draws import normal_draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A base model.

    Attributes:
        model: its id.
        ability: ability, on the scale of the item difficulties in `policy`.
        discrimination: how sharply ability separates easy from hard prompts (a of the 2PL model).
        reasoning_tokens: reasoning tokens before an answer of normal verbosity at medium effort.
        entropy: mean entropy per token, in nats, that the untrained model reports.
        requested_format_logit: logit of the answer format that the prompt asks for.
        logits: for each head by name, the base logit of each action by name; 0.0 for a missing action.
    """

    model: str
    ability: float
    discrimination: float
    reasoning_tokens: float
    entropy: float
    requested_format_logit: float
    logits: Mapping[str, Mapping[str, float]]


GPT_OSS_20B = Profile(
    model="openai.gpt-oss-20b",
    ability=4.1,
    discrimination=1.5,
    reasoning_tokens=320.0,
    entropy=0.62,
    requested_format_logit=2.5,
    logits={
        RESPONSE_TYPE.name: {
            "attempt": 7.0, "refuse": 1.0, "empty": 0.6, "off_language": 0.0, "format_only": 1.0, "enumerate": 0.2,
            "keyword_stuffing": 0.2, "judge_injection": -0.5, "repeat": -0.5, "empty_normalised": -1.5,
        },
        VERBOSITY.name: {"terse": -2.6, "brief": -0.2, "normal": 1.2, "long": -0.4, "very_long": -3.0},
        FORMAT.name: {
            "hash": -0.6, "hash_no_space": -2.2, "hash_newline": -2.2, "sentence": 0.3, "bold": 0.9, "boxed": -0.9,
            "json": -4.0, "xml": -4.6, "colon": -2.4, "bare": -2.0,
        },
        STYLE.name: {
            "plain": 3.6, "dollar": 0.7, "comma": -0.4, "decimal": -1.6, "unit": 0.0, "period": -1.4, "fullwidth": -5.0,
        },
    },
)  # fmt: skip

QWEN3_32B = Profile(
    model="qwen.qwen3-32b",
    ability=4.7,
    discrimination=1.5,
    reasoning_tokens=250.0,
    entropy=0.27,
    requested_format_logit=4.6,
    logits={
        RESPONSE_TYPE.name: {
            "attempt": 7.5, "refuse": 0.2, "empty": 0.0, "off_language": 0.9, "format_only": 0.8, "enumerate": 0.0,
            "keyword_stuffing": 0.0, "judge_injection": -0.8, "repeat": -0.8, "empty_normalised": -1.5,
        },
        VERBOSITY.name: {"terse": -3.2, "brief": -0.4, "normal": 1.4, "long": 0.3, "very_long": -3.0},
        FORMAT.name: {
            "hash": -0.4, "hash_no_space": -3.2, "hash_newline": -1.4, "sentence": 0.0, "bold": 0.2, "boxed": 0.0,
            "json": -4.2, "xml": -4.8, "colon": -3.0, "bare": -2.2,
        },
        STYLE.name: {
            "plain": 4.2, "dollar": 0.9, "comma": -0.4, "decimal": -2.2, "unit": 0.2, "period": -2.2, "fullwidth": -5.5,
        },
    },
)  # fmt: skip

CALIBRATED_PROFILES = (GPT_OSS_20B, QWEN3_32B)

# `qwen.qwen3-32b-v1:0` and `openai.gpt-oss-20b-1:0` are the ids of the same models in other services (SAMPLE).
_VERSION = re.compile(r"-v?\d+:\d+$")

# Spread of an uncalibrated model around the nearest calibrated one: it differs, but behaves alike.
_ABILITY_SPREAD = 0.3
_LOGIT_SPREAD = 0.15
_RATIO_SPREAD = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortShift:
    """The effect of a reasoning effort: a shift of the ability, and reasoning tokens as a multiple of medium."""

    ability_shift: float
    token_multiplier: float


EFFORT_SHIFTS: Mapping[str, EffortShift] = {
    "low": EffortShift(ability_shift=-0.5, token_multiplier=0.35),
    "medium": EffortShift(ability_shift=0.0, token_multiplier=1.0),
    "high": EffortShift(ability_shift=0.45, token_multiplier=2.6),
}

# By verbosity: reasoning tokens as a multiple of normal, and the shift of the logit of a right answer.
VERBOSITY_TOKEN_MULTIPLIERS = (0.35, 0.7, 1.0, 1.5, 2.6)
VERBOSITY_LOGIT_SHIFTS = (-2.5, -0.3, 0.0, 0.15, 0.0)


def profile_for(model: str) -> Profile:
    """Return the profile of a model id; for an uncalibrated model the nearest one, with a small fixed offset."""
    name = _VERSION.sub("", model)
    for profile in CALIBRATED_PROFILES:
        if profile.model == name:
            return profile
    nearest = QWEN3_32B if "qwen" in name.lower() else GPT_OSS_20B
    offsets = iter(normal_draws("profile", name, count=3 + sum(len(head.actions) for head in HEADS)))
    return replace(
        nearest,
        model=name,
        ability=nearest.ability + _ABILITY_SPREAD * next(offsets),
        reasoning_tokens=nearest.reasoning_tokens * exp(_RATIO_SPREAD * next(offsets)),
        entropy=nearest.entropy * exp(_RATIO_SPREAD * next(offsets)),
        logits={
            head: {action: logit + _LOGIT_SPREAD * next(offsets) for action, logit in logits.items()}
            for head, logits in nearest.logits.items()
        },
    )
