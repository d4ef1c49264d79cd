"""Fault scripts of users name errors by constant and give values by placeholder: both are a public interface."""

from string import Formatter

from simulator.errors import CATALOGUE

PLACEHOLDERS = {
    "ACCESS_DENIED": {"reason"},
    "ALREADY_ENDED": {"job", "status"},
    "BAD_CURSOR": {"after"},
    "BAD_SIGNATURE": set(),
    "BELOW_MINIMUM": {"got", "minimum", "param"},
    "BODY_NOT_AN_OBJECT": set(),
    "BODY_TOO_LARGE": {"limit"},
    "BROKEN_FORM": {"why"},
    "CANNOT_CANCEL": {"what"},
    "DECIMAL_BELOW_MINIMUM": {"got", "minimum", "param"},
    "DEFAULT_PROJECT_STAYS": set(),
    "EXPIRED_KEY": set(),
    "FAULTY_SCRIPT": {"why"},
    "FILE_TOO_LARGE": {"limit"},
    "GARBLED_KEY": set(),
    "INFERENCE_DENIED": {"reason"},
    "INTERNAL_ERROR": set(),
    "INVALID_KEY": set(),
    "INVALID_REQUEST": {"why"},
    "INVALID_TOOL_CALLS": {"why"},
    "INVALID_VALUE": {"param", "why"},
    "MISSING_KEY": set(),
    "MISSING_PARAMETER": {"param"},
    "MODEL_NOT_FOUND": {"model"},
    "NOT_FOUND": {"name", "noun"},
    "NOT_RETOLD": {"why"},
    "NOT_TUNABLE": {"model"},
    "OVERLOADED": set(),
    "PROJECT_ARCHIVED": {"project"},
    "RATE_LIMITED": set(),
    "STALE_SIGNATURE": {"timestamp"},
    "STORAGE_FULL": set(),
    "TOO_MANY_PROJECTS": {"most"},
    "TOO_MANY_TAGS": {"got", "most"},
    "TOO_MANY_TOKENS": set(),
    "UNAVAILABLE": set(),
    "UNKNOWN_PATH": {"method", "path"},
    "UNREADABLE_BODY": {"why"},
    "UNSUPPORTED_PARAMETER": {"param"},
    "WRONG_API": {"api", "model"},
    "WRONG_CONTENT_TYPE": {"given", "wanted"},
    "WRONG_METHOD": {"method", "path"},
}


def test_the_names_of_errors_and_of_their_values_do_not_change() -> None:
    """A script that was written for an earlier release still works."""
    names = {
        name: {field for _, field, _, _ in Formatter().parse(kind.message) if field} for name, kind in CATALOGUE.items()
    }
    assert names == PLACEHOLDERS
