"""The validation of data files before the upload."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client.dataset import count_shared_prompts, sample_rows, validate_dataset
from client.errors import UsageError
from tests.client.conftest import write_rows

VALID_RECORD = {"messages": [{"role": "user", "content": "What is 1 plus 1?"}], "reference_answer": "2"}
DEFECTS = Path(__file__).parents[2] / "fixtures" / "defects"


def write_rows_with_line(path: Path, line: bytes, *, at: int) -> Path:
    """Write 100 valid rows, and replace line `at`."""
    write_rows(path, range(100))
    lines = path.read_bytes().splitlines()
    lines[at - 1] = line
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_a_valid_file_has_no_problems(tmp_path: Path) -> None:
    """Also no warnings."""
    report = validate_dataset(write_rows(tmp_path / "a.jsonl", range(100)))
    assert (report.problems, report.warnings, len(report.rows), report.line_count) == ((), (), 100, 100)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            b'{"messages": [',
            "not valid JSON at column 15: Expecting value; the line may be cut off: a record must be on one line",
        ),
        (
            b'{"messages": "cut',
            "not valid JSON at column 14: Unterminated string; the line may be cut off: a record must be on one line",
        ),
        (b"", "the line is blank, and only the end of the file may be blank; remove it"),
        (b"[1]", "a JSON array, not an object with `messages`"),
        (b"{}", "`messages` is missing; it holds the prompt, as a list of {role, content}"),
        (b'{"messages": []}', "`messages` must be a list with at least one message"),
        (b'{"messages": ["a"]}', "messages[0] of `messages` is a JSON string, not an object with role and content"),
        (
            b'{"messages": [{"role": "tool", "content": "a"}]}',
            'messages[0] has the role "tool"; the roles are system, user, assistant',
        ),
        (
            b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}',
            "the last of `messages` has the role assistant; the last must be the prompt that the model answers",
        ),
        (
            b'{"messages": [{"role": "user", "content": null}]}',
            "messages[0]: content is null; it must be text, or a list of text parts",
        ),
        (b'{"messages": [{"role": "user", "content": "  "}]}', "messages[0]: content has no text"),
        (
            b'{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}',
            'messages[0]: content[0] is not a text part; only {"type": "text", "text": ...} is allowed',
        ),
        (b'{"messages": NaN}', "NaN is not JSON; use null or leave the field out"),
        (b'{"a": 1, "a": 2}', 'the key "a" is twice in one JSON object; parsers disagree on which one counts'),
        (b'{"a": "\xff"}', "byte 8 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_an_invalid_line_is_reported_with_its_number(tmp_path: Path, line: bytes, reason: str) -> None:
    """One problem per line."""
    report = validate_dataset(write_rows_with_line(tmp_path / "a.jsonl", line, at=17))
    assert [str(problem) for problem in report.problems] == [f"line 17: {reason}"]


def test_a_byte_order_mark_is_reported(tmp_path: Path) -> None:
    """As Windows editors write it."""
    path = write_rows(tmp_path / "a.jsonl", range(100))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [problem.line for problem in validate_dataset(path).problems] == [1]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (0, "the file holds no record; 100 to 120 records are needed"),
        (99, "too few records: 99; at least 100 are needed"),
        (121, "too many records: 121; at most 120 are allowed"),
    ],
)
def test_the_number_of_records_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, reason: str
) -> None:
    """Here with a maximum of 120; the real one of 20,000 is tested with the hostile files."""
    monkeypatch.setattr("client.dataset.MAX_ROWS", 120)
    assert [str(problem) for problem in validate_dataset(write_rows(tmp_path / "a.jsonl", range(rows))).problems] == [
        reason
    ]


@pytest.mark.parametrize("rows", [100, 120])
def test_the_limits_themselves_are_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """As many records as the minimum and the maximum."""
    monkeypatch.setattr("client.dataset.MAX_ROWS", 120)
    assert validate_dataset(write_rows(tmp_path / "a.jsonl", range(rows))).is_valid


def test_warnings_leave_the_file_valid(tmp_path: Path) -> None:
    """Duplicates, missing reference answers and several shapes."""
    duplicate = json.dumps({**VALID_RECORD, "reference_answer": "7"}).encode()
    path = write_rows_with_line(tmp_path / "a.jsonl", duplicate, at=5)
    lines = path.read_bytes().splitlines()
    lines[8] = duplicate
    lines[9] = json.dumps({"messages": [{"role": "user", "content": "Alone?"}]}).encode()
    path.write_bytes(b"\n".join(lines))
    report = validate_dataset(path)
    assert report.is_valid
    assert [str(warning) for warning in report.warnings] == [
        "line 9: the same prompt as line 5; duplicates count twice in training",
        "line 10: no `reference_answer` (1 of 100 rows); the reward function has nothing to compare with",
        (
            "`reference_answer` has several shapes: object {answer} (97 rows, first at line 1), "
            "string (2 rows, first at line 5); the reward function must handle each"
        ),
    ]


def test_content_may_be_a_list_of_text_parts(tmp_path: Path) -> None:
    """As in one published record."""
    message = {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
    line = json.dumps({"messages": [message], "reference_answer": {"answer": "1"}}).encode()
    assert validate_dataset(write_rows_with_line(tmp_path / "a.jsonl", line, at=3)).is_valid


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    """Without a traceback."""
    with pytest.raises(UsageError, match=r"nowhere\.jsonl does not exist"):
        validate_dataset(tmp_path / "nowhere.jsonl")


def test_the_same_rows_give_the_same_sample(tmp_path: Path) -> None:
    """And a larger sample contains the smaller one."""
    rows = validate_dataset(write_rows(tmp_path / "a.jsonl", range(100))).rows
    small, large = sample_rows(rows, size=10), sample_rows(rows, size=30)
    assert small == sample_rows(tuple(reversed(rows)), size=10)
    assert {row.line for row in small} < {row.line for row in large}


def test_shared_prompts_are_counted(tmp_path: Path) -> None:
    """Between held-out and training rows."""
    one = validate_dataset(write_rows(tmp_path / "a.jsonl", range(100))).rows
    other = validate_dataset(write_rows(tmp_path / "b.jsonl", range(95, 200))).rows
    assert count_shared_prompts(other, one) == 5


def load_manifest() -> list[dict[str, object]]:
    """Return the entries of the manifest in fixtures/defects."""
    path = DEFECTS / "manifest.json"
    if not path.is_file():
        return []
    entries = json.loads(path.read_text(encoding="utf-8"))
    return [entry for entry in (entries["defects"] if isinstance(entries, dict) else entries) if entry.get("file")]


@pytest.mark.parametrize("defect", load_manifest(), ids=lambda defect: str(defect["file"]))
def test_each_file_in_defects_is_reported(defect: dict[str, object]) -> None:
    """With the line and the reason of the manifest."""
    problems = validate_dataset(DEFECTS / str(defect["file"])).problems
    assert problems[0].line == defect["line"]
    assert str(defect["reason_contains"]).lower() in problems[0].message.lower()
