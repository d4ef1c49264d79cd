"""The exception of this package."""


class UpstreamError(Exception):
    """Responses cannot be sampled or read back; the message, for people, says why and what to do."""
