"""Why a function that the doctor runs does not have Lambda's file system here, and how that is changed."""

from typing import Final

from simulator.doctor.reward_function import LocalRewardFunction, RewardFunction

ALLOW_NAMESPACES: Final = (
    "Allow user namespaces: on Ubuntu `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, elsewhere "
    "`sysctl user.max_user_namespaces=10000` and `sysctl kernel.unprivileged_userns_clone=1`, in a container "
    "CAP_SYS_ADMIN or an unconfined seccomp profile."
)


def missing_isolation(reward_function: RewardFunction) -> str | None:
    """Return why a function on this machine has no namespaces. None if it has them, or runs elsewhere."""
    if not isinstance(reward_function, LocalRewardFunction):
        return None
    return reward_function.pool.isolation().reason
