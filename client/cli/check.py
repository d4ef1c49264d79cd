"""`rft check`: validate a data file before it is uploaded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.dataset_issues import print_issues, require_valid_dataset
from client.sdk_clients import open_aws_clients
from client.storage import download, is_s3_uri, open_download_folder
from client.target import target_from_environment
from client.terminal import format_count, format_size, open_console, print_done


def check(file: Annotated[str, typer.Argument(metavar="FILE|s3://...", help="A JSONL data file.")]) -> None:
    """Check a data file by the rules of the service, without an upload."""
    console = open_console()
    if is_s3_uri(file):
        with open_download_folder() as folder, open_aws_clients(target_from_environment()) as aws_clients:
            path = download(file, folder=folder, s3_factory=lambda: aws_clients.s3)
            report = require_valid_dataset(file, path, console=console)
    else:
        report = require_valid_dataset(file, Path(file), console=console)
    print_issues(report.warnings, path=file, console=console, as_errors=False)
    print_done(
        console,
        "fit",
        file,
        detail=f"{format_count(len(report.rows), 'row')}, {format_size(report.size)}, sha256 {report.sha256[:16]}",
    )
