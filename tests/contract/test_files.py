"""`/v1/files` through the real SDK: upload, list, retrieve, content and delete."""

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import APIStatusError, BadRequestError, NotFoundError

from simulator.settings import FIXED_EPOCH, Pace, Settings
from simulator.store.blobs import BlobStore, StagedBlob
from tests.key_order import find_unsorted_objects
from tests.simulators import RunningSimulator, serve_simulator, simulator_in_process
from tests.training.training_files import make_training_file

EDGE_CASE_CONTENTS = [b"", b"a\r\nb\r\n", b"\xef\xbb\xbf{}\n", bytes(range(256)), b"--boundary\r\n\r\n--boundary--\r\n"]


def part(name: str, content: str, filename: str | None = None) -> str:
    """Return one part of a form."""
    named = f'; filename="{filename}"' if filename is not None else ""
    return f'--edge\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n{content}\r\n'


def post_form(
    simulator: RunningSimulator, *parts: str, end: str = "--edge--\r\n", boundary: str = "; boundary=edge"
) -> httpx2.Response:
    """Post a form from its parts."""
    return simulator.http.post(
        "/v1/files",
        content=("".join(parts) + end).encode(),
        headers={"content-type": f"multipart/form-data{boundary}"},
    )


def parse_error(answer: httpx2.Response) -> tuple[int, dict[str, Any]]:
    """Return the status and the error object."""
    return answer.status_code, answer.json()["error"]


def error_object(message: str, *, code: str = "validation_error", param: str | None = None) -> dict[str, Any]:
    """Return the expected error object."""
    return {"code": code, "message": message, "param": param, "type": "invalid_request_error"}


PURPOSE = part("purpose", "fine-tune")
FILE = part("file", "{}\n", "train.jsonl")
NO_PURPOSE = error_object("Missing required parameter: 'purpose'.", code="missing_required_parameter", param="purpose")
NO_FILE = error_object("Missing required parameter: 'file'.", code="missing_required_parameter", param="file")


@pytest.mark.shows("POST /files", "file-object")
def test_an_upload_returns_the_file_object(local_simulator: RunningSimulator) -> None:
    """The SDK validates it strictly. The two keys that may not be null are absent."""
    client = local_simulator.openai_client(strict=True)
    answer = client.files.with_raw_response.create(file=("train.jsonl", b"{}\n"), purpose="fine-tune")
    file = answer.parse()
    assert answer.http_response.json() == {
        "bytes": 3,
        "created_at": FIXED_EPOCH,
        "filename": "train.jsonl",
        "id": file.id,
        "object": "file",
        "purpose": "fine-tune",
        "status": "processed",
    }
    assert find_unsorted_objects(answer.http_response.text) == []


@pytest.mark.parametrize("parts", [(PURPOSE, FILE), (FILE, PURPOSE)], ids=["Python's order", "Node's order"])
def test_the_parts_of_a_form_may_have_any_order(local_simulator: RunningSimulator, parts: tuple[str, str]) -> None:
    """The SDKs for Python and Node differ."""
    answer = post_form(local_simulator, *parts)
    assert (answer.status_code, answer.json()["filename"], answer.json()["bytes"]) == (200, "train.jsonl", 3)


@pytest.mark.shows("GET /files/{file}/content")
@pytest.mark.parametrize("content", EDGE_CASE_CONTENTS, ids=repr)
def test_the_content_is_the_uploaded_bytes(local_simulator: RunningSimulator, content: bytes) -> None:
    """Line ends, byte order marks, every byte value, and text in the format of a form."""
    client = local_simulator.openai_client()
    file = client.files.create(file=("train.jsonl", content), purpose="fine-tune")
    assert client.files.content(file.id).content == content


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=2_000))
def test_any_bytes_can_be_uploaded(local_simulator: RunningSimulator, content: bytes) -> None:
    """The API does not read the file until a job does."""
    assert local_simulator.http.get(f"/v1/files/{local_simulator.upload(content)}/content").content == content


@pytest.mark.parametrize("byte_range", ["bytes=0-1", "bytes=99-", "lines=1", "bytes=x"])
def test_ranges_are_ignored(local_simulator: RunningSimulator, byte_range: str) -> None:
    """They are documented nowhere, and to ignore them is always valid (RFC 9110)."""
    answer = local_simulator.http.get(
        f"/v1/files/{local_simulator.upload(b'whole')}/content", headers={"range": byte_range}
    )
    assert (answer.status_code, answer.content) == (200, b"whole")


def test_the_filename_is_the_one_that_the_client_sends(local_simulator: RunningSimulator, tmp_path: Path) -> None:
    """The last part of a path, or the SDK's default for bytes."""
    (tmp_path / "größe 1.jsonl").write_bytes(b"{}\n")
    client = local_simulator.openai_client()
    named = client.files.create(file=tmp_path / "größe 1.jsonl", purpose="fine-tune")
    unnamed = client.files.create(file=io.BytesIO(b"{}\n"), purpose="fine-tune")
    assert (named.filename, unnamed.filename) == ("größe 1.jsonl", "upload")


def test_the_same_bytes_twice_are_two_files(local_simulator: RunningSimulator) -> None:
    """One stays complete when the other is deleted."""
    client = local_simulator.openai_client()
    first, second = local_simulator.upload(b"same"), local_simulator.upload(b"same")
    client.files.delete(first)
    assert client.files.content(second).content == b"same"


@pytest.mark.shows("GET /files")
def test_files_are_listed_newest_first_and_paged_by_the_sdk(local_simulator: RunningSimulator) -> None:
    """Over several pages, each file once."""
    ids = [local_simulator.upload(b"x", name=f"{number}.jsonl") for number in range(5)]
    client = local_simulator.openai_client(strict=True)
    assert [file.id for file in client.files.list(limit=2)] == ids[::-1]
    assert [file.id for file in client.files.list(limit=2, order="asc")] == ids
    assert [file.id for file in client.files.list(purpose="fine-tune")] == ids[::-1]
    assert [file.id for file in client.files.list(purpose="batch")] == []


@pytest.mark.shows("GET /files")
def test_a_list_has_its_envelope(local_simulator: RunningSimulator) -> None:
    """With the first and the last id of the page."""
    ids = [local_simulator.upload(b"x") for _ in range(3)]
    page = local_simulator.http.get("/v1/files", params={"limit": 2, "after": ids[2]})
    assert {name: value for name, value in page.json().items() if name != "data"} == {
        "first_id": ids[1],
        "has_more": False,
        "last_id": ids[0],
        "object": "list",
    }
    assert find_unsorted_objects(page.text) == []


def test_a_cursor_of_a_deleted_file_is_refused(local_simulator: RunningSimulator) -> None:
    """An empty page would look like the end."""
    deleted = local_simulator.upload(b"x")
    local_simulator.openai_client().files.delete(deleted)
    with pytest.raises(BadRequestError) as answer:
        local_simulator.openai_client().files.list(after=deleted)
    assert answer.value.body == error_object(f"No element with id '{deleted}' in this list", param="after")


@pytest.mark.shows("GET /files/{file}")
def test_retrieve_returns_the_same_file_object(local_simulator: RunningSimulator) -> None:
    """As the upload did."""
    client = local_simulator.openai_client(strict=True)
    file = client.files.create(file=("train.jsonl", b"{}\n"), purpose="fine-tune")
    assert client.files.retrieve(file.id) == file
    assert client.files.wait_for_processing(file.id) == file


@pytest.mark.shows("DELETE /files/{file}")
def test_a_deleted_file_does_not_exist(local_simulator: RunningSimulator) -> None:
    """On every route."""
    client = local_simulator.openai_client(strict=True)
    deleted = local_simulator.upload(b"x")
    assert client.files.delete(deleted).to_dict() == {"deleted": True, "id": deleted, "object": "file"}
    for ask in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(NotFoundError) as answer:
            ask(deleted)
        assert answer.value.body == error_object(f"The file '{deleted}' does not exist", code="not_found_error")
    assert list(client.files.list()) == []


@pytest.mark.shows("deleted-file")
def test_a_job_continues_when_its_file_is_deleted(polled_simulator: RunningSimulator) -> None:
    """It keeps its copy."""
    file = polled_simulator.upload(make_training_file(100))
    job = polled_simulator.create_job(file)["id"]
    polled_simulator.openai_client().files.delete(file)
    for _ in range(2):
        polled_simulator.retrieve_job(job)
    assert polled_simulator.list_events(job)[-1]["message"] == "Files validated, moving job to queued state"


@pytest.mark.shows("purpose", "other-purposes")
@pytest.mark.parametrize("purpose", ["batch", "assistants", "", "fine-tune ", "Fine-Tune"])
def test_only_the_purpose_fine_tune_is_accepted(local_simulator: RunningSimulator, purpose: str) -> None:
    """DOCUMENTED: "Purpose must be set to fine-tune"."""
    message = f"Invalid 'purpose': must be 'fine-tune', got '{purpose}'."
    assert parse_error(post_form(local_simulator, part("purpose", purpose), FILE)) == (
        400,
        error_object(message, param="purpose"),
    )


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((FILE,), NO_PURPOSE),
        ((PURPOSE,), NO_FILE),
        ((), NO_PURPOSE),
        ((PURPOSE, part("file", "not a file but a field")), NO_FILE),
        ((part("purpose", "fine-tune", "purpose.txt"), FILE), NO_PURPOSE),
    ],
)
def test_a_form_without_its_parts_is_refused(
    local_simulator: RunningSimulator, parts: tuple[str, ...], expected: dict[str, Any]
) -> None:
    """A part of the wrong kind counts as missing."""
    assert parse_error(post_form(local_simulator, *parts)) == (400, expected)


def test_an_unreadable_form_is_refused(local_simulator: RunningSimulator) -> None:
    """Without its boundary, or without a declared one."""
    for answer in (
        post_form(local_simulator, end="nothing of a form"),
        post_form(local_simulator, PURPOSE, FILE, boundary=""),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_error")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_an_upload_that_is_no_form_is_refused(local_simulator: RunningSimulator, content_type: str) -> None:
    """With the expected content type."""
    answer = local_simulator.http.post("/v1/files", content=b"{}", headers={"content-type": content_type})
    message = f"Unsupported content type '{content_type}': this endpoint takes 'multipart/form-data'."
    assert parse_error(answer) == (415, error_object(message, code="unsupported_content_type"))


def test_the_content_type_of_a_form_may_have_any_case(local_simulator: RunningSimulator) -> None:
    """Media types are case-insensitive (RFC 9110)."""
    answer = local_simulator.http.post(
        "/v1/files",
        content=(PURPOSE + FILE + "--edge--\r\n").encode(),
        headers={"content-type": "Multipart/Form-Data; boundary=edge"},
    )
    assert answer.status_code == 200


@pytest.mark.shows("file-limit")
@pytest.mark.parametrize("size", [1_001, 2_000_000])
def test_a_file_over_the_limit_is_refused(size: int) -> None:
    """By one byte, or by so much that the upload is not read to its end."""
    with simulator_in_process(Settings(max_file_bytes=1_000)) as simulator:
        client = simulator.openai_client()
        client.files.create(file=("small.jsonl", b"x" * 1_000), purpose="fine-tune")
        with pytest.raises(APIStatusError) as answer:
            client.files.create(file=("large.jsonl", b"x" * size), purpose="fine-tune")
    assert answer.value.status_code == 413
    assert answer.value.body == error_object(
        "The file is larger than 1000 bytes.", code="request_too_large", param="file"
    )


@pytest.mark.slow
def test_the_refusal_of_a_large_file_arrives_over_a_socket() -> None:
    """Although the client is still sending."""
    with serve_simulator(Settings(port=0, max_file_bytes=1_000)) as simulator, pytest.raises(APIStatusError) as answer:
        simulator.openai_client().files.create(file=("large.jsonl", bytes(8_000_000)), purpose="fine-tune")
    assert answer.value.status_code == 413


def test_a_stream_of_unknown_length_is_accepted_over_a_socket() -> None:
    """A file object that cannot seek is sent in chunks, without Content-Length."""
    content = os.urandom(3_000_000)
    form = PURPOSE.encode() + part("file", "", "big.jsonl").encode()[:-2] + content + b"\r\n--edge--\r\n"

    def pieces() -> Any:
        for start in range(0, len(form), 100_000):
            yield form[start : start + 100_000]

    with serve_simulator() as simulator:
        headers = {"content-type": "multipart/form-data; boundary=edge"}
        answer = simulator.http.post("/v1/files", content=pieces(), headers=headers)
        assert simulator.http.get(f"/v1/files/{answer.json()['id']}/content").content == content


def test_files_survive_a_restart_on_the_same_folder(tmp_path: Path) -> None:
    """Their objects, their bytes and the counter of ids."""
    settings = Settings(data=tmp_path, pace=Pace.POLL)
    with simulator_in_process(settings) as before:
        file = before.upload(b"kept\r\n")
        described = before.http.get(f"/v1/files/{file}").json()
    with simulator_in_process(settings) as after:
        assert after.http.get(f"/v1/files/{file}").json() == described
        assert after.http.get(f"/v1/files/{file}/content").content == b"kept\r\n"
        assert after.upload(b"new") != file


def test_without_a_folder_nothing_is_kept(local_simulator: RunningSimulator) -> None:
    """A second simulator has none of the first one's files."""
    local_simulator.upload(b"x")
    with simulator_in_process() as other:
        assert list(other.openai_client().files.list()) == []


def test_deleting_the_same_bytes_during_an_upload_loses_nothing(
    served_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal bytes are stored once. A delete must not run between their arrival and their registration."""
    content = make_training_file(3, first=7_000)
    first = served_simulator.upload(content)
    receive = BlobStore.stage

    def received(uploads: BlobStore, source: BinaryIO) -> StagedBlob:
        incoming = receive(uploads, source)
        served_simulator.http.delete(f"/v1/files/{first}")
        return incoming

    monkeypatch.setattr(BlobStore, "stage", received)
    second = served_simulator.upload(content)
    assert served_simulator.http.get(f"/v1/files/{second}/content").content == content
