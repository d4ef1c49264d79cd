"""`rft deploy`."""

from __future__ import annotations

import pytest

from tests.client.cli.rft_runner import Run


def test_deploy_at_bedrock_requires_confirmation(rft: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the function and the role, and creates nothing without a yes."""
    monkeypatch.setenv("RFT_TARGET", "bedrock")
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    code, out, err = rft("deploy", "reward")
    assert (code, err) == (2, "✗ Nothing was created.\n→ Answer yes, or add --yes.\n")
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["function", "rft-reward"],
        ["role", "rft-reward-role"],
    ]
