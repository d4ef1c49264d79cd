"""The features of a prompt. The simulated policy multiplies its trained weights with them."""

import re
from collections.abc import Iterable
from functools import lru_cache

from simulator.training.random_draws import stable_hash
from simulator.training.reference_answer import ANSWER_KINDS, ReferenceAnswer
from simulator.training.requested_format import FORMAT_NAMES, RequestedFormat

_WORD_BUCKETS = 16
PROMPT_FEATURE_COUNT = 1 + len(ANSWER_KINDS) + len(FORMAT_NAMES) + _WORD_BUCKETS
# The absolute entries of a feature vector sum to one, so that one AdamW step moves a logit by about the learning rate
# times the logit scale for every task. The shares set how far a learned shift generalizes: to all prompts, to the same
# kind of answer, to the same requested format, to similar words. At a bias of .20, training on maths also changed the
# format of poems.
_BIAS_SHARE = 0.05
_KIND_SHARE = 0.45
_FORMAT_SHARE = 0.40
_WORDS_SHARE = 0.10
_WORD = re.compile(r"[a-z]{3,}")


def compute_prompt_features(
    text: str, reference: ReferenceAnswer, requested_format: RequestedFormat
) -> Iterable[tuple[int, float]]:
    """Yield (index, value) of each feature that is not zero: bias, kind of answer, requested format, hashed words."""
    yield 0, _BIAS_SHARE
    yield 1 + ANSWER_KINDS.index(reference.kind), _KIND_SHARE
    yield 1 + len(ANSWER_KINDS) + FORMAT_NAMES.index(requested_format.format), _FORMAT_SHARE
    buckets = [0] * _WORD_BUCKETS
    for word in set(_WORD.findall(text.lower())):
        bucket, sign = _bucket(word)
        buckets[bucket] += sign
    total = sum(map(abs, buckets))
    start = PROMPT_FEATURE_COUNT - _WORD_BUCKETS
    for bucket, count in enumerate(buckets):
        if count:
            yield start + bucket, _WORDS_SHARE * count / total


@lru_cache(maxsize=65_536)
def _bucket(word: str) -> tuple[int, int]:
    hashed = stable_hash("word", word)
    return hashed % _WORD_BUCKETS, 1 if hashed >> 32 & 1 else -1
