"""Every rule, in the order of their ids."""

from typing import Final

from simulator.verdict.rule import Rule
from simulator.verdict.rules.c1_premature_end import PREMATURE_END
from simulator.verdict.rules.c2_fast_polling import FAST_POLLING
from simulator.verdict.rules.c3_ignored_retry_after import IGNORED_RETRY_AFTER
from simulator.verdict.rules.c4_ignored_has_more import IGNORED_HAS_MORE
from simulator.verdict.rules.c5_ignored_end import IGNORED_END
from simulator.verdict.rules.c6_duplicate_job import DUPLICATE_JOB
from simulator.verdict.rules.c7_unbounded_wait import UNBOUNDED_WAIT
from simulator.verdict.rules.c8_repeated_refusal import REPEATED_REFUSAL

RULES: Final[tuple[Rule, ...]] = (
    PREMATURE_END,
    FAST_POLLING,
    IGNORED_RETRY_AFTER,
    IGNORED_HAS_MORE,
    IGNORED_END,
    DUPLICATE_JOB,
    UNBOUNDED_WAIT,
    REPEATED_REFUSAL,
)
