"""Ctrl-C outside and inside callbacks."""

from __future__ import annotations

import signal
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from client.interrupts import raise_on_interrupt


def test_ctrl_c_during_the_imports_exits_with_130(tmp_path: Path) -> None:
    """With one line and no traceback."""
    code = (
        "import os, signal, sys\n"
        "from client import __main__ as program\n"
        "class InterruptingFinder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, InterruptingFinder())\n"
        "program.main()\n"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "Stopped.\n")


def test_a_ctrl_c_lost_in_a_callback_is_raised_again() -> None:
    """Python would print it and continue."""

    def interrupt_in_a_callback() -> None:
        referent = set[int]()
        reference = weakref.ref(referent, lambda _: signal.raise_signal(signal.SIGINT))
        del referent
        assert reference() is None

    with raise_on_interrupt() as require_no_interrupt:
        interrupt_in_a_callback()
        with pytest.raises(KeyboardInterrupt):
            require_no_interrupt()
