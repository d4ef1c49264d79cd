"""Renders docs/settings.md from the settings themselves. A test checks that the file is current.

`python -m simulator.cli.settings_page` writes the file.
"""

from pathlib import Path
from typing import Final

from simulator.cli.serve_options import option_name
from simulator.cli.setting_help import settings_help
from simulator.cli.settings import settings_with_option
from simulator.settings import Settings, format_assignments

SETTINGS_FILE: Final = Path(__file__).parents[2] / "docs" / "settings.md"

_INTRODUCTION: Final = """\
# Settings

`rft-sim serve --set NAME=VALUE` and `rft-sim exec --set NAME=VALUE` change any setting; `--set` is repeatable. Some
settings also have an option of their own. `rft-sim settings` prints this list for the installed version.

The evidence says how we know what Bedrock does: DOCUMENTED (a page of AWS's documentation), SAMPLE (Amazon's sample
code relies on it), OBSERVED (a third party quotes a live response), OPENAI (OpenAI's specification), INFERRED (our
guess). A setting without evidence exists in the simulator only.

This page is generated: `python -m simulator.cli.settings_page`.
"""


def render_page() -> str:
    """Return the page as Markdown."""
    defaults = dict(assignment.split("=", 1) for assignment in format_assignments(Settings()))
    defaults["grading.concurrency"] = "number of processors, at least 2"
    sections = [_INTRODUCTION]
    for group in dict.fromkeys(name.rpartition(".")[0] for name in defaults):
        sections.append(f"## {f'`{group}`' if group else 'General'}\n")
        sections.append("| setting | default | values | meaning | evidence |\n|---|---|---|---|---|")
        sections[-1] += "".join(
            f"\n{_render_row(name, default)}" for name, default in defaults.items() if name.rpartition(".")[0] == group
        )
        sections[-1] += "\n"
    return "\n".join(sections)


def _render_row(name: str, default: str) -> str:
    setting = settings_help()[name]
    option = f" Option: `{option_name(name)}`." if name in settings_with_option() else ""
    cells = (
        f"`{name}`",
        f"`{default}`" if default else "nothing",
        _render_values(setting.accepts),
        f"{setting.meaning}{option}",
        setting.evidence,
    )
    return f"| {' | '.join(cells)} |"


def _render_values(accepts: str) -> str:
    choices = accepts.split(" | ")
    return ", ".join(f"`{choice}`" for choice in choices) if len(choices) > 1 else accepts


if __name__ == "__main__":
    SETTINGS_FILE.write_text(render_page(), encoding="utf-8")
