"""Every rule, in the order of their ids."""

from typing import Final

from simulator.verdict.rule import Rule
from simulator.verdict.rules.c1_premature_end import TOOK_FOR_AN_END
from simulator.verdict.rules.c2_fast_polling import POLLED_HOT
from simulator.verdict.rules.c3_ignored_retry_after import IGNORED_RETRY_AFTER
from simulator.verdict.rules.c4_ignored_has_more import IGNORED_HAS_MORE
from simulator.verdict.rules.c5_ignored_end import NEVER_READ_THE_END
from simulator.verdict.rules.c6_duplicate_job import CREATED_TWICE
from simulator.verdict.rules.c7_unbounded_wait import WAITED_WITHOUT_BOUND
from simulator.verdict.rules.c8_repeated_refusal import REPEATED_THE_REFUSED

RULES: Final[tuple[Rule, ...]] = (
    TOOK_FOR_AN_END,
    POLLED_HOT,
    IGNORED_RETRY_AFTER,
    IGNORED_HAS_MORE,
    NEVER_READ_THE_END,
    CREATED_TWICE,
    WAITED_WITHOUT_BOUND,
    REPEATED_THE_REFUSED,
)
