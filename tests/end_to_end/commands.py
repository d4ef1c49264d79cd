"""Running the two commands as a stranger would: in a process of their own, over real sockets."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
GSM8K: Final = ROOT.parent / "shared" / "data" / "gsm8k" / "train.jsonl"
_TIMEOUT_SECONDS: Final = 240  # seconds; a hang is a failure, a slow machine is not


def rft_sim(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `rft-sim` to its end and return what it printed. `variables` are added to the environment."""
    return subprocess.run(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "120", "PYTHONWARNINGS": "error"} | variables,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )


def rft_command(*arguments: str) -> list[str]:
    """Return the command line of `rft`, for `rft-sim exec`."""
    return [sys.executable, "-m", "client", *arguments]
