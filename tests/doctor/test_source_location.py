"""Where the handler of a reward function is defined."""

from pathlib import Path

import pytest

from simulator.doctor.source_location import SourceLocation, locate_handler

SOURCE = "import re\n\n\ndef lambda_handler(event, context):\n    return []\n\n\ndef other(event, context):\n    pass\n"


@pytest.mark.parametrize(
    ("file", "reward", "handler", "line"),
    [
        ("reward.py", "reward.py", None, 4),
        ("reward.py", "reward.py", "reward.other", 8),
        ("lambda_function.py", ".", None, 4),
        ("score/main.py", ".", "score.main.other", 8),
        ("score/__init__.py", ".", "score.lambda_handler", 4),
        ("reward.py", "reward.py", "reward.imported", 1),
    ],
)
def test_the_line_of_the_handler_is_found(
    file: str, reward: str, handler: str | None, line: int, tmp_path: Path
) -> None:
    """In a file or in a folder. A handler that is imported from elsewhere has the first line."""
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(SOURCE)
    assert locate_handler(str(tmp_path / reward), handler=handler) == SourceLocation(path=path, line=line)


def test_a_zip_is_a_location_without_a_line(tmp_path: Path) -> None:
    """And so is a folder whose handler is missing."""
    (tmp_path / "reward.zip").write_bytes(b"PK")
    for path in (tmp_path / "reward.zip", tmp_path):
        assert locate_handler(str(path), handler=None) == SourceLocation(path=path)


def test_a_file_that_python_cannot_read_has_its_first_line(tmp_path: Path) -> None:
    """The doctor reports the error elsewhere."""
    path = tmp_path / "reward.py"
    path.write_text("def (")
    assert locate_handler(str(path), handler=None) == SourceLocation(path=path, line=1)


def test_a_deployed_function_has_no_location() -> None:
    """Its name is no file here."""
    assert locate_handler("my-reward", handler=None) is None
