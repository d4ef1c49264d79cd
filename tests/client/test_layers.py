"""Layers that `--layer` names."""

from __future__ import annotations

from pathlib import Path

import pytest

from client.errors import UsageError
from client.layers import LayerPackage, read_layers

ARN = "arn:aws:lambda:us-west-2:123456789012:layer:tools:3"


def test_an_arn_is_used_as_it_is() -> None:
    """With its version."""
    assert read_layers([ARN]) == (ARN,)


def test_a_folder_and_its_zip_are_layers_of_the_same_files(tmp_path: Path) -> None:
    """Each becomes a version."""
    (tmp_path / "tools" / "python").mkdir(parents=True)
    (tmp_path / "tools" / "python" / "tool.py").write_text("X = 1\n", encoding="utf-8")
    (folder,) = read_layers([str(tmp_path / "tools")])
    assert isinstance(folder, LayerPackage)
    (tmp_path / "tools.zip").write_bytes(folder.zip_bytes)
    (archive,) = read_layers([str(tmp_path / "tools.zip")])
    assert archive == folder


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ARN.removesuffix(":3"), "is not the ARN of a layer version."),
        ("arn:aws:s3:::tools", "is not the ARN of a layer version."),
        ("none.zip", "does not exist."),
        (".", "has no folder python/, so Python would find none of its modules."),
    ],
)
def test_what_is_no_layer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    """The error names it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as exc_info:
        read_layers([text])
    assert exc_info.value.message == f"--layer {text} {message}"


def test_more_than_five_layers_are_refused() -> None:
    """Lambda's own limit."""
    with pytest.raises(UsageError, match="There are 6 layers; Lambda takes 5"):
        read_layers([ARN] * 6)
