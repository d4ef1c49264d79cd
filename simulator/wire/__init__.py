"""The API's JSON: models that parse requests, and functions that render objects, lists, errors and event streams."""
