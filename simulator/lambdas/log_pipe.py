"""The one pipe that a worker's stdout and stderr share, read whenever there is something in it."""

import os

MAX_LOG_BYTES = 16 << 20
"""How much log of one invocation is kept; the rest is only counted, so endless printing costs no memory."""


class LogPipe:
    """The reading end. `drain` never blocks; the child can, but only while nobody invokes it, as if frozen."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        self._kept = bytearray()
        self._dropped = 0

    def close_write_end(self) -> None:
        """Leave the writing end to the child alone."""
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1

    def drain(self) -> None:
        """Read what is in the pipe now."""
        try:
            while piece := os.read(self.read_fd, 1 << 16):
                room = MAX_LOG_BYTES - len(self._kept)
                self._kept += piece[:room]
                self._dropped += max(0, len(piece) - room)
                if len(piece) < 1 << 16:
                    return
        except BlockingIOError:
            return

    def take(self) -> str:
        """Give what was read since the last take, and forget it."""
        if not self._kept:
            return ""
        text = self._kept.decode("utf-8", "replace")
        if self._dropped:
            text += f"\n[simulator] {self._dropped} more bytes of log were dropped\n"
        self._kept.clear()
        self._dropped = 0
        return text

    def close(self) -> None:
        """Close both ends."""
        self.close_write_end()
        if self.read_fd >= 0:
            os.close(self.read_fd)
            self.read_fd = -1


def split_log_events(text: str) -> list[str]:
    """Split log text into events, one a line.

    AWS's runtime client joins the lines of one error block by a carriage return so that the block stays one
    event; within the event they read as lines.
    """
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.replace("\r", "\n") + "\n" for line in lines]
