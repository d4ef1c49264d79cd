"""Every rule, in the order of their ids."""

from typing import Final

from simulator.verdict.rule import Rule
from simulator.verdict.rules.created_twice import CREATED_TWICE
from simulator.verdict.rules.ignored_has_more import IGNORED_HAS_MORE
from simulator.verdict.rules.ignored_retry_after import IGNORED_RETRY_AFTER
from simulator.verdict.rules.never_read_the_end import NEVER_READ_THE_END
from simulator.verdict.rules.polled_hot import POLLED_HOT
from simulator.verdict.rules.repeated_the_refused import REPEATED_THE_REFUSED
from simulator.verdict.rules.took_for_an_end import TOOK_FOR_AN_END
from simulator.verdict.rules.waited_without_bound import WAITED_WITHOUT_BOUND

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
