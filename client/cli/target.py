"""`rft target`: list the targets and show the selected one."""

from __future__ import annotations

from client.function_options import DEFAULT_ARCHITECTURE, DEFAULT_RUNTIME
from client.target import (
    TARGETS,
    cache_folder_from_environment,
    target_from_environment,
    target_name_from_environment,
)
from client.terminal import open_console, print_field, print_heading, print_warning


def target() -> None:
    """List the targets. Show the addresses and the key of the selected target."""
    console = open_console()
    print_heading(console, "targets  (RFT_TARGET)")
    for config in TARGETS.values():
        prefix = "(in use) " if config.name == target_name_from_environment() else ""
        print_field(console, config.name, prefix + config.note)
    current = target_from_environment()
    console.print()
    print_heading(console, "in use")
    print_field(console, "API", current.api_url)
    print_field(console, "AWS", current.aws_url or "AWS's own endpoints")
    print_field(console, "region", current.region)
    print_field(console, "key", current.key_source)
    print_field(console, "functions", f"{DEFAULT_RUNTIME} {DEFAULT_ARCHITECTURE}", detail="this machine's Python")
    print_field(console, "cache", str(cache_folder_from_environment()), detail="installed requirements")
    for warning in current.warnings:
        print_warning(console, warning)
