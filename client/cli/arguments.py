"""Arguments and defaults that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from client.errors import UsageError

DEFAULT_DATA: Final = "fixtures/prompts/train.jsonl"
DEFAULT_REWARD_FOLDER: Final = Path("reward_lambda")
DEFAULT_MODEL: Final = "openai.gpt-oss-20b"


def require_id(value: str) -> str:
    """Return an id unchanged.

    Raises:
        UsageError: it is empty, as from a shell variable that is not set.
    """
    if not value.strip():
        raise UsageError("The id is empty.", next_step="`rft jobs` lists the jobs and their models.")
    return value


JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, ftjob-...", callback=require_id)]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do not ask before creating resources at AWS. These resources may cost money.")
]
