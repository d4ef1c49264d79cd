"""The pipe of a worker's stdout and stderr."""

import os

MAX_LOG_BYTES = 16 << 20
"""The longest log of one invocation that is kept. The rest is only counted, so endless output needs no memory."""


class LogPipe:
    """The reading end. `drain` never blocks. The child blocks when the pipe is full while no invocation drains it."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        self._buffer = bytearray()
        self._dropped = 0

    def close_write_end(self) -> None:
        """Close the simulator's copy of the writing end."""
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1

    def drain(self) -> None:
        """Read the current contents of the pipe."""
        try:
            while chunk := os.read(self.read_fd, 1 << 16):
                free_bytes = MAX_LOG_BYTES - len(self._buffer)
                self._buffer += chunk[:free_bytes]
                self._dropped += max(0, len(chunk) - free_bytes)
                if len(chunk) < 1 << 16:
                    return
        except BlockingIOError:
            return

    def take(self) -> str:
        """Return and clear the text that was read since the last call."""
        if not self._buffer:
            return ""
        text = self._buffer.decode("utf-8", "replace")
        if self._dropped:
            text += f"\n[simulator] {self._dropped} more bytes of log were dropped\n"
        self._buffer.clear()
        self._dropped = 0
        return text

    def close(self) -> None:
        """Close both ends."""
        self.close_write_end()
        if self.read_fd >= 0:
            os.close(self.read_fd)
            self.read_fd = -1


def split_log_events(text: str) -> list[str]:
    """Split log text into events, one per line.

    AWS's runtime client joins the lines of an error by carriage returns, so that the error is one event. They become
    newlines within the event.
    """
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.replace("\r", "\n") + "\n" for line in lines]
