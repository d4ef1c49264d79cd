"""The user that functions run as."""

from typing import Final

USER_NAME: Final = "sbx_user1051"
HOME: Final = "/home/sbx_user1051"
"""The home folder in the user database. It does not exist, and cannot be created (OBSERVED)."""

FUNCTION_UID: Final = 993
FUNCTION_GID: Final = 990
"""The ids inside an environment (OBSERVED in public reports; they differ between runtimes)."""

OUTSIDE_UID: Final = 64_993
OUTSIDE_GID: Final = 64_990
"""The ids outside, where the simulator runs as root. No system assigns these to its users."""
