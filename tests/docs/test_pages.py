"""The README and the pages in docs/ are true: their commands and programs run, and their links lead somewhere."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from simulator.settings import Pace, Settings
from tests.end_to_end.commands import ROOT, rft_command, rft_sim
from tests.simulators import serve_simulator

README = ROOT / "README.md"
PAGES = (
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "fixtures/README.md",
    *(ROOT / "docs").glob("*.md"),
)
MAX_README_LINES = 250
SET_UP = "python3 -m venv .venv && . .venv/bin/activate && "


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_readme_has_the_two_commands_that_set_everything_up() -> None:
    """One trains, one runs the tests. `.ci/run` runs the second."""
    commands = blocks(README, "bash")
    assert commands[0] == f"{SET_UP}pip install -e . && rft-sim exec -- rft train\n"
    assert commands[-1] == f"{SET_UP}pip install -c requirements.lock -e '.[dev]' && pytest\n"
    assert commands[-1] in blocks(ROOT / "CONTRIBUTING.md", "bash")


def test_the_readme_is_short() -> None:
    """Everything that does not help a newcomer to start is in docs/."""
    assert len(README.read_text().splitlines()) <= MAX_README_LINES


def test_every_link_leads_to_a_file_and_to_an_anchor_in_it() -> None:
    """Links to other sites are not opened."""
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            path, _, anchor = target.partition("#")
            linked = (page.parent / path).resolve() if path else page
            if target.startswith("https://"):
                continue
            if not linked.exists() or (anchor and anchor not in _anchors(linked)):
                broken.append((page.name, target))
    assert broken == []


def test_every_page_in_docs_is_linked_from_the_readme() -> None:
    """A page without a link is not found."""
    linked = set(re.findall(r"\]\((docs/[a-z-]+\.md)\)", README.read_text()))
    assert linked == {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")}


def test_the_architecture_page_lists_every_package_of_the_simulator() -> None:
    """One line each."""
    page = (ROOT / "docs/architecture.md").read_text()
    packages = {path.parent.name for path in (ROOT / "simulator").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)) == packages


@pytest.mark.slow
def test_the_first_command_prints_what_the_readme_shows(tmp_path: Path) -> None:
    """Each line of the example, in its order. The plot and the report are written."""
    result = rft_sim("exec", "--", *rft_command("train", "--output", str(tmp_path)))
    assert result.returncode == 0, result.stderr
    printed = iter(result.stdout.replace(str(tmp_path), "rft-output").splitlines())
    example = blocks(README, "text")[0].splitlines()
    assert [line for line in example if line.strip() not in {"", "..."} and line not in printed] == []
    assert {path.name for path in tmp_path.iterdir()} == {"reward.png", "run.json"}


@pytest.mark.slow
def test_the_walkthrough_runs_and_the_tuned_model_uses_the_requested_format(tmp_path: Path) -> None:
    """Amazon's six steps with the real SDKs, as one program. The reward rises."""
    program = tmp_path / "walkthrough.py"
    program.write_text("\n".join(blocks(ROOT / "docs/walkthrough.md", "python")))
    result = rft_sim("exec", "--", sys.executable, str(program))
    assert result.returncode == 0, result.stderr
    *steps, base, tuned = result.stdout.splitlines()
    rewards = [float(line.rpartition(" ")[2]) for line in steps]
    assert len(rewards) == 7
    assert rewards[-1] > rewards[0]
    assert base.startswith("openai.gpt-oss-20b: ")
    assert re.search(r"#### [\d.,]+'$", tuned)


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", [line for block in blocks(README, "bash") if "rft-sim doctor" in block for line in block.splitlines()]
)
def test_the_readmes_doctor_commands_find_no_failure_in_the_projects_own_reward_function(line: str) -> None:
    """Each command runs as it is written."""
    program, *arguments = shlex.split(line)
    assert program == "rft-sim"
    result = rft_sim(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_the_clock_commands_run_in_their_order_and_the_job_succeeds() -> None:
    """The block starts with the command that serves at pace `manual`; the others go to that simulator."""
    (block,) = [block for block in blocks(ROOT / "docs/clock.md", "bash") if "rft-sim clock" in block]
    serve, *commands = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert serve == ["rft-sim", "serve", "--pace", "manual"]
    with serve_simulator(Settings(port=0, pace=Pace.MANUAL)) as simulator:
        function = simulator.deploy(ROOT / "reward_lambda")
        file = simulator.upload((ROOT / "fixtures/prompts/train.jsonl").read_bytes())
        job = simulator.create_job(file, function=function)["id"]
        port = ["--port", simulator.url.rpartition(":")[2]]
        for _, *arguments in commands:
            result = rft_sim(*(job if argument == "JOB" else argument for argument in arguments), *port)
            assert result.returncode == 0, result.stdout + result.stderr
        assert simulator.retrieve_job(job)["status"] == "succeeded"


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page: those that it sets itself, and those of its headings."""
    text = page.read_text()
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))
