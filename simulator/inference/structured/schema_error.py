"""The exception for schemas without an instance."""


class SchemaError(ValueError):
    """A schema is malformed, has no instance or is not supported; the message says which."""
