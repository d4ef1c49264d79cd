"""Why a schema has no instance here."""


class SchemaError(ValueError):
    """A schema that is malformed, that nothing satisfies, or that asks for what is not supported; the message says."""
