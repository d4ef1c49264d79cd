"""The `metadata` field of jobs, chats and responses."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

# OPENAI: metadata takes 16 pairs; AWS documents the parameter and names no limits.
_MAX_PAIRS: Final = 16
_MAX_KEY_LENGTH: Final = 64
_MAX_VALUE_LENGTH: Final = 512


def _check_lengths(metadata: dict[str, str]) -> dict[str, str]:
    for key, value in metadata.items():
        if len(key) > _MAX_KEY_LENGTH or len(value) > _MAX_VALUE_LENGTH:
            key_start = key[:_MAX_KEY_LENGTH]
            raise ValueError(
                f"a key takes {_MAX_KEY_LENGTH} characters and a value {_MAX_VALUE_LENGTH}; see {key_start!r}"
            )
    return metadata


Metadata = Annotated[dict[str, str], Field(max_length=_MAX_PAIRS), AfterValidator(_check_lengths)]
