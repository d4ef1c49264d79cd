"""The exception of this package."""


class UpstreamError(Exception):
    """Responses cannot be sampled or read back. The message says why and what to do."""
