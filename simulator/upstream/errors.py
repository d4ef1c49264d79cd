"""The one way in which this room fails."""


class UpstreamError(Exception):
    """Responses could be neither sampled nor read back; the message says why and what to do, for people to read."""
