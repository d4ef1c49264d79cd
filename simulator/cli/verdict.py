"""`rft-sim verdict`: what the clients of a running simulator did wrong, as a report and an exit code."""

import json
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from simulator.cli import explanation_page
from simulator.cli.console import make_console
from simulator.cli.control_client import request_control
from simulator.cli.exit_codes import EXIT_FAILED, exit_with_error
from simulator.cli.server_options import Endpoint, Host, Port, simulator_url


def verdict(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    exit_code: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="The client's exit code. Code 0 means that the client believes it has succeeded."
        ),
    ] = None,
    so_far: Annotated[
        bool,
        typer.Option(
            "--so-far",
            help="Report only mistakes that the clients can no longer correct. Use it while clients are running.",
        ),
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Delete the recorded requests afterwards.")] = False,
    explain: Annotated[str | None, typer.Option(metavar="ID", help="Print what a finding means, and exit.")] = None,
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
) -> None:
    """Report what the clients of a running simulator did wrong. Exit code 1 if a finding is a failure."""
    if explain is not None:
        _explain(explain)
        return
    if so_far and exit_code is not None:
        exit_with_error("--so-far and --exit-code exclude each other: a client that is still running has no exit code")
    simulator = simulator_url(host, port, endpoint)
    document = fetch_verdict(simulator, exit_code=exit_code, so_far=so_far)
    if forget:
        request_control(simulator, "DELETE", "/verdict")
    if as_json:
        typer.echo(json.dumps(document, indent=2))
    else:
        print_document(document)
    if is_faulty(document, strict=strict):
        raise typer.Exit(EXIT_FAILED)


def fetch_verdict(simulator: str, *, exit_code: int | None = None, so_far: bool = False) -> Any:
    """Return the verdict on the clients of the simulator at a URL; `simulator.verdict.json_report` lists its keys."""
    query: dict[str, str | int] = {"so_far": "true"} if so_far else {}
    if exit_code is not None:
        query["exit_code"] = exit_code
    return request_control(simulator, "GET", f"/verdict?{urlencode(query)}")


def print_document(document: Any, *, stderr: bool = False) -> None:
    """Print a verdict as a table."""
    from pydantic import TypeAdapter  # noqa: PLC0415  --help need not wait for it

    from simulator.cli.verdict_table import print_verdict  # noqa: PLC0415  as above
    from simulator.verdict.verdict import Verdict  # noqa: PLC0415  as above

    parsed_verdict: Verdict = TypeAdapter(Verdict).validate_python(document)
    print_verdict(parsed_verdict, make_console(stderr=stderr))


def is_faulty(document: Any, *, strict: bool = False) -> bool:
    """Return whether a verdict failed, or with `strict` also whether it has warnings."""
    return document["verdict"] in ({"failed", "warned"} if strict else {"failed"})


def _explain(name: str) -> None:
    from simulator.verdict.catalogue import RULES  # noqa: PLC0415  --help need not wait for it
    from simulator.verdict.explanations import SECTIONS, explanation_path, find_rule  # noqa: PLC0415  as above

    rule = find_rule(name)
    if rule is None:
        exit_with_error(f"--explain {name}: no such finding. The findings are {', '.join(rule.id for rule in RULES)}")
    sections = ((heading, getattr(rule, attribute)) for attribute, heading in SECTIONS)
    explanation_page.print_page(f"{rule.id} {rule.name}", sections, location=explanation_path(rule.id))
