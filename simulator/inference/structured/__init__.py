"""From a JSON Schema to an instance of it."""
