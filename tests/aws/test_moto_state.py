"""The state of moto that belongs to one simulator."""

from simulator.aws.moto_state import ACCOUNT_CREATION_TIME, MotoState


def test_a_closed_state_is_emptied_when_its_last_context_ends() -> None:
    """Neither earlier nor later."""
    state = MotoState(seed=0)
    with state.activate(ACCOUNT_CREATION_TIME, "outer"):
        with state.activate(ACCOUNT_CREATION_TIME, "inner"):
            state.stores["some"] = 1
            state.close()
        within_outer = dict(state.stores)
    assert (within_outer, state.stores) == ({"some": 1}, {})
