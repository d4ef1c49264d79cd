"""The error of a reward function that gave no usable score."""

from typing import Final

from simulator.http.sanitize import sanitize

_MAX_EXCERPT_LENGTH: Final = 500  # characters of a response in an error message


class GraderError(Exception):
    """The reward function did not give a usable score.

    `str()` is the job's `error.message`: the function, the rollout, the reason, the response and the advice.
    `retry_seconds` is how long the retries took, in simulated time.
    """

    def __init__(
        self,
        *,
        function: str,
        reason: str,
        advice: str,
        rollout: str | None = None,
        response: str = "",
        retry_seconds: int = 0,
    ) -> None:
        for_rollout = f" for rollout {rollout}" if rollout else ""
        quoted_response = f" Response: {excerpt(response)}" if response else ""
        # A function's text may hold control characters, which a log cannot store and a terminal would execute.
        super().__init__(sanitize(f"{function}{for_rollout}: {reason}.{quoted_response} {advice}", keep_newlines=True))
        self.function = function
        self.rollout = rollout
        self.reason = reason
        self.retry_seconds = retry_seconds


def excerpt(text: str) -> str:
    """Return `text`, or its beginning and how many characters follow if it is too long for a message."""
    if len(text) <= _MAX_EXCERPT_LENGTH:
        return text
    return f"{text[:_MAX_EXCERPT_LENGTH]}… ({len(text) - _MAX_EXCERPT_LENGTH} more characters)"
