"""Runs a command with a hard limit of time, and ends everything that it started."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A command that ended by itself."""

    code: int
    output: str
    errors: str

    @property
    def last_line(self) -> str:
        """The last line that it wrote, which usually says what went wrong."""
        lines = [line.strip() for line in (self.errors or self.output).splitlines() if line.strip()]
        return lines[-1][:200] if lines else f"exit code {self.code}"


def run_limited(
    command: Sequence[str], *, folder: str | Path, env: Mapping[str, str], limit: float, text: str = ""
) -> Ended | None:
    """Run a command in a folder; return None if it was stopped at the limit (seconds)."""
    # Files and not pipes: a process that was left behind would keep a pipe open.
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(env),
            stdin=subprocess.PIPE if text else subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        try:
            process.communicate(text or None, timeout=limit)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        errors.seek(0)
        return Ended(code=process.returncode, output=output.read(), errors=errors.read())
