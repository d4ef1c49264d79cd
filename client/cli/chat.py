"""`rft chat`: send one prompt to a model."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from client.cli.arguments import require_id
from client.mantle_client import open_mantle_client
from client.target import target_from_environment
from client.terminal import open_console, print_warning, write_stdout


def chat(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A base model, a tuned model or a checkpoint.", callback=require_id)
    ],
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="The user message.")],
    *,
    temperature: Annotated[float, typer.Option(min=0.0, max=2.0, help="The sampling temperature.")] = 0.0,
) -> None:
    """Send a prompt to a model and print its answer."""
    target, stderr = target_from_environment(), open_console(stderr=True)
    if target.config.is_billed:
        print_warning(stderr, "AWS bills this answer by the token.")
    with open_mantle_client(target, console=stderr) as mantle:
        for piece in mantle.stream_chat(prompt, model=model, temperature=temperature):
            write_stdout(piece)
            sys.stdout.flush()
    sys.stdout.write("\n")
