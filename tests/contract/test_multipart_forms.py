"""Uploads whose form is broken, doubled, endless or oddly named: a file, or an error with the reason."""

from typing import Any, Final

import pytest

from tests.simulators import RunningSimulator

FORM: Final = "multipart/form-data; boundary=B"
END: Final = b"--B--\r\n"


def part(head: bytes, body: bytes = b"{}\n", more: bytes = b"") -> bytes:
    """Return a part of a form. `head` follows `form-data`."""
    return b"--B\r\nContent-Disposition: form-data; " + head + b"\r\n" + more + b"\r\n" + body + b"\r\n"


PURPOSE: Final = part(b'name="purpose"', b"fine-tune")
FILE: Final = part(b'name="file"; filename="a.jsonl"')


def file_part_named(filename: bytes) -> bytes:
    """Return a form whose file has this name."""
    return PURPOSE + part(b'name="file"; filename="' + filename + b'"') + END


ACCEPTED_FORMS: Final = {
    "file first": (FILE + PURPOSE + END, "a.jsonl"),
    "purpose first": (PURPOSE + FILE + END, "a.jsonl"),
    "no line end at the end": (PURPOSE + FILE + b"--B--", "a.jsonl"),
    "bytes behind the end": (PURPOSE + FILE + END + b"and more", "a.jsonl"),
    "other parts": (part(b'name="x"') + PURPOSE + part(b'name="y"; filename="y"') + FILE + END, "a.jsonl"),
    "almost a boundary inside": (PURPOSE + part(b'name="file"; filename="a.jsonl"', b"--B-\r\r\n--") + END, "a.jsonl"),
    "a path for a name": (file_part_named(b"../../etc/passwd"), "../../etc/passwd"),
    "a NUL in the name": (file_part_named(b"a\x00b"), "a\x00b"),
    "escapes in the name": (file_part_named("\x1b[2J\u202e".encode()), "\x1b[2J\u202e"),
    "no UTF-8 in the name": (file_part_named(b"\xff\xfe"), "\xff\xfe"),
    "quotes in the name": (file_part_named(b'a\\"b;c'), 'a"b;c'),
    "an empty name": (file_part_named(b""), "upload"),
    "an unknown encoding": (
        PURPOSE + part(b'name="file"; filename="a"', more=b"Content-Type: text/plain; charset=none\r\n") + END,
        "a",
    ),
    "a NUL in a header": (PURPOSE + part(b'name="file"; filename="a"', more=b"X: \x00\r\n") + END, "a"),
}

REFUSED_FORMS: Final[dict[str, tuple[bytes, str]]] = {
    "nothing": (b"", "validation_error"),
    "an end alone": (END, "missing_required_parameter"),
    "no purpose": (FILE + END, "missing_required_parameter"),
    "no file": (PURPOSE + END, "missing_required_parameter"),
    "a file without a filename": (PURPOSE + part(b'name="file"') + END, "missing_required_parameter"),
    "a purpose with a filename": (
        part(b'name="purpose"; filename="p"', b"fine-tune") + FILE + END,
        "missing_required_parameter",
    ),
    "no end": (PURPOSE + FILE, "validation_error"),
    "cut in a header": ((PURPOSE + FILE)[:60], "validation_error"),
    "cut in the file": (PURPOSE + FILE[:-3], "validation_error"),
    "bytes before the start": (b"junk\r\n" + PURPOSE + FILE + END, "validation_error"),
    "another boundary": ((PURPOSE + FILE + END).replace(b"--B", b"--C"), "validation_error"),
    "bare line ends": ((PURPOSE + FILE + END).replace(b"\r\n", b"\n"), "validation_error"),
    "a part without a name": (PURPOSE + part(b'filename="a"') + FILE + END, "validation_error"),
    "a part without headers": (PURPOSE + b"--B\r\n\r\nabc\r\n" + FILE + END, "validation_error"),
    "a header that is none": (PURPOSE + part(b'name="file"; filename="a"', more=b"none\r\n") + END, "validation_error"),
    "a header of no letters": (
        PURPOSE + part(b'name="file"; filename="a"', more=b"\xff: a\r\n") + END,
        "validation_error",
    ),
    "a header without end": (
        PURPOSE + part(b'name="file"; filename="' + b"a" * 300_000 + b'"') + END,
        "validation_error",
    ),
    "3,000 headers": (PURPOSE + part(b'name="file"; filename="a"', more=b"X: y\r\n" * 3_000) + END, "validation_error"),
    "1,001 fields": (b"".join(part(b'name="x"') for _ in range(1_001)) + PURPOSE + FILE + END, "validation_error"),
    "1,001 files": (b"".join(part(b'name="x"; filename="x"') for _ in range(1_001)) + END, "validation_error"),
    "a field of 2 MB": (part(b'name="purpose"', b"x" * 2_000_000) + FILE + END, "validation_error"),
    "a purpose of 900 kB": (part(b'name="purpose"', b"x" * 900_000) + FILE + END, "validation_error"),
    "a purpose of no UTF-8": (part(b'name="purpose"', b"\xff\xfe") + FILE + END, "validation_error"),
    "a purpose with a line end": (part(b'name="purpose"', b"fine-tune\n") + FILE + END, "validation_error"),
}

TYPES: Final = {
    "no boundary": ("multipart/form-data", 400),
    "an empty boundary": ("multipart/form-data; boundary=", 400),
    "an open quote": ('multipart/form-data; boundary="B', 400),
    "two boundaries": ("multipart/form-data; boundary=B; boundary=C", 400),
    "a long boundary": ("multipart/form-data; boundary=" + "B" * 1_000, 400),
    "quoted": ('multipart/form-data; boundary="B"', 200),
    "in capitals": ("MULTIPART/FORM-DATA; BOUNDARY=B", 200),
    "with an encoding": ("multipart/form-data; charset=none; boundary=B", 200),
    "other parts": ("multipart/mixed; boundary=B", 415),
    "a form without files": ("application/x-www-form-urlencoded", 415),
    "none": ("", 415),
}


def post_form(simulator: RunningSimulator, form: bytes, content_type: str = FORM) -> Any:
    """Post a form unchanged."""
    return simulator.http.post("/v1/files", content=form, headers={"content-type": content_type})


def stored_counts(simulator: RunningSimulator) -> tuple[int, int]:
    """Return the number of files, and of blobs on the disk, incomplete ones included."""
    listed = simulator.http.get("/v1/files").json()["data"]
    return len(listed), len(list(simulator.instance.context.uploads._folder.iterdir()))


@pytest.mark.parametrize(("form", "filename"), ACCEPTED_FORMS.values(), ids=ACCEPTED_FORMS)
def test_an_odd_form_is_accepted_with_its_filename(
    local_simulator: RunningSimulator, form: bytes, filename: str
) -> None:
    """The name is only a label, and no path."""
    answer = post_form(local_simulator, form)
    assert (answer.status_code, answer.json()["filename"]) == (200, filename)
    assert stored_counts(local_simulator) == (1, 1)


@pytest.mark.parametrize(("form", "code"), REFUSED_FORMS.values(), ids=REFUSED_FORMS)
def test_a_broken_form_is_refused_and_leaves_nothing(local_simulator: RunningSimulator, form: bytes, code: str) -> None:
    """With the envelope, and a message that repeats little of the request."""
    answer = post_form(local_simulator, form)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert len(error["message"]) < 1_200
    assert stored_counts(local_simulator) == (0, 0)


@pytest.mark.parametrize(("content_type", "status"), TYPES.values(), ids=TYPES)
def test_the_content_type_decides_what_a_form_is(
    local_simulator: RunningSimulator, content_type: str, status: int
) -> None:
    """Whatever the body has."""
    answer = post_form(local_simulator, PURPOSE + FILE + END, content_type)
    assert answer.status_code == status
    assert stored_counts(local_simulator) == ((1, 1) if status == 200 else (0, 0))


def test_a_malformed_form_is_not_logged_by_the_parser(
    local_simulator: RunningSimulator, capfd: pytest.CaptureFixture[str]
) -> None:
    """The request log has it."""
    post_form(local_simulator, b"junk\r\n" + PURPOSE + FILE + END)
    assert capfd.readouterr() == ("", "")
