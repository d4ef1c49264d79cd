"""Fixtures of the command tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from client.__main__ import main
from tests.client.cli.rft_runner import Run


@pytest.fixture
def rft(stub_workspace: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs `rft` against the stub and returns exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exc_info:
            main(arguments)
        out, err = capsys.readouterr()
        return int(exc_info.value.code or 0), out, err

    return run
