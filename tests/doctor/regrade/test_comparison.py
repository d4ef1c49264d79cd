"""`rft-sim regrade`: the stored rollouts of a job, scored by another version of a reward function."""

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from simulator.doctor.preview import render_events
from simulator.doctor.regrade import table as shown
from simulator.doctor.regrade.comparison import Comparison, compare_scores
from simulator.doctor.regrade.scoring import RegradedRollout, regrade_rollouts
from simulator.doctor.regrade.stored_rollouts import StoredRollout, StoredRolloutsError, parse_rollouts
from simulator.doctor.timeout_budget import NoScoresError
from simulator.grading.grader import Sample
from simulator.grading.lambda_event import rollout_id
from simulator.settings import GradingSettings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_run import initial_state, prepare_run, sample_held_out, sample_step
from simulator.wire.objects import render_rollout_line
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for, response_of
from tests.simulators import FinishedJob, RunningSimulator

ROOT = Path(__file__).parents[3]
GRADING = GradingSettings(concurrency=1)

GRADER_SOURCE = """\
def lambda_handler(event, context):
    return [{"id": rollout["id"], "aggregate_reward_score": SCORE} for rollout in event]
"""


def samples_of(records: tuple[Record, ...]) -> list[tuple[str, int, tuple[Sample, ...]]]:
    """Return the first evaluation and the first step of a job on these records."""
    run = prepare_run(records, model="openai.gpt-oss-20b", hyperparameters=Hyperparameters(), seed=7)
    state = initial_state()
    return [
        (
            split,
            step,
            tuple(Sample(record=group.prompt.record, rollout=one) for group in groups for one in group.rollouts),
        )
        for split, step, groups in (
            ("held_out", 0, sample_held_out(run, state)),
            ("train", 1, sample_step(run, state)),
        )
    ]


def lines_of(records: tuple[Record, ...]) -> str:
    """Return their JSON lines, as the control route writes them; each was worth 1/2."""
    return "".join(
        render_rollout_line(
            sample.record,
            sample.rollout,
            rollout_id=rollout_id(split=split, step=step, line=sample.record.line, index=sample.rollout.index),
            split=split,
            step=step,
            reward=0.5,
        )
        + "\n"
        for split, step, samples in samples_of(records)
        for sample in samples
    )


@pytest.fixture(scope="module")
def text(sums: tuple[Record, ...]) -> str:
    """Give the lines of 30 held-out rollouts and 32 to train on."""
    return lines_of(sums)


@pytest.fixture
def stored(text: str, tmp_path: Path) -> Path:
    """Give a file of them."""
    path = tmp_path / "rollouts.jsonl"
    path.write_text(text)
    return path


def reward_of(folder: Path, score: str) -> Path:
    """Write a reward function that scores by an expression."""
    folder.mkdir()
    (folder / "lambda_function.py").write_text(GRADER_SOURCE.replace("SCORE", score))
    return folder


def regrade(*arguments: str | Path, **variables: str) -> Result:
    """Run the command in this process."""
    environment = {"COLUMNS": "100", "RFT_TARGET": "simulator", "AWS_ENDPOINT_URL": ""} | variables
    return CliRunner(env=environment).invoke(app, ["regrade", *map(str, arguments)], catch_exceptions=False)


def rollout(
    *, line: int = 1, index: int = 0, split: str = "train", step: int = 1, reward: float = 0.0, correct: bool = False
) -> StoredRollout:
    """Return a stored rollout."""
    [read] = parse_rollouts(
        json.dumps(
            {
                "id": f"{split}-{step}-line-{line}-rollout-{index}",
                "split": split,
                "step": step,
                "line": line,
                "index": index,
                "record": {"messages": [{"role": "user", "content": f"Question {line}?"}]},
                "response": f"Answer {index}.",
                "reasoning": "",
                "reward": reward,
                "correct": correct,
                "exploit": None,
            }
        ),
        source="a job",
    )
    return read


def changed_group(
    *scores: tuple[float, float | None, bool], split: str = "train", line: int = 1
) -> list[RegradedRollout]:
    """Return the group of a prompt, of (old score, new score, right?)."""
    return [
        RegradedRollout(
            rollout=rollout(split=split, line=line, index=index, reward=before, correct=correct),
            score=now,
            error="" if now is not None else "KeyError: 'x'",
        )
        for index, (before, now, correct) in enumerate(scores)
    ]


# Reading


def test_what_the_control_route_writes_is_read_back(sums: tuple[Record, ...], text: str) -> None:
    """Record, texts, reward and hidden truth, in the job's order."""
    expected = [(split, step, sample) for split, step, samples in samples_of(sums) for sample in samples]
    assert [
        (one.split, one.step, one.record, one.index, one.response, one.reasoning, one.correct, one.exploit, one.reward)
        for one in parse_rollouts(text, source="a file")
    ] == [
        (
            *(split, step, sample.record, sample.rollout.index, sample.rollout.text, sample.rollout.reasoning),
            *(sample.rollout.correct, sample.rollout.exploit, 0.5),
        )
        for split, step, sample in expected
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reward": "high"}, "line 2: reward: input should be a valid number"),
        ({"record": {}}, 'line 2: record: missing required field "messages"'),
        ({"step": None}, "line 2: step: input should be a valid integer"),
    ],
)
def test_a_line_that_is_no_rollout_is_named(text: str, change: dict[str, Any], said: str) -> None:
    """With its number and the field."""
    first, second, *_ = text.splitlines()
    with pytest.raises(StoredRolloutsError) as error:
        parse_rollouts("\n".join([first, json.dumps(json.loads(second) | change)]), source="kept.jsonl")
    assert str(error.value).startswith(f"kept.jsonl, {said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "kept.jsonl holds no rollout: nothing was graded yet."),
        ("{", "kept.jsonl, line 1: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", "kept.jsonl, line 1: the value: input should be a dictionary"),
    ],
)
def test_a_file_that_holds_no_rollouts_is_told(text: str, said: str) -> None:
    """Whatever it holds instead."""
    with pytest.raises(StoredRolloutsError) as error:
        parse_rollouts(text, source="kept.jsonl")
    assert str(error.value).startswith(said)


def test_the_rollouts_of_two_jobs_in_one_file_are_refused(text: str) -> None:
    """Their ids are alike, and results are joined by id."""
    with pytest.raises(StoredRolloutsError, match="is there twice; give the rollouts of one job"):
        parse_rollouts(text + text, source="kept.jsonl")


# Scoring


def test_the_function_is_sent_what_the_job_sent(sums: tuple[Record, ...], text: str) -> None:
    """The same events, byte by byte: steps apart, ids kept, thinking shown where it was."""
    for grading in (GRADING, GradingSettings(concurrency=1, rollouts_per_call=5, include_reasoning=True)):
        sent: list[bytes] = []

        def note(event: list[dict[str, Any]], sent: list[bytes] = sent) -> Any:
            sent.append(json.dumps(event, separators=(",", ":")).encode())
            return handler_for(lambda _element: 1.0)(event)

        regrade_rollouts(
            parse_rollouts(text, source="a file"), reward_function=FakeRewardFunction(note), grading=grading
        )
        assert sent == [
            event
            for split, step, samples in samples_of(sums)
            for event in render_events(samples, split=split, step=step, grading=grading)
        ]


def test_scores_come_back_in_order_however_many_calls_run_at_once(text: str) -> None:
    """Each rollout has the score of its own text."""
    rollouts = parse_rollouts(text, source="a file")
    rows = regrade_rollouts(
        rollouts,
        reward_function=FakeRewardFunction(handler_for(lambda element: len(response_of(element)))),
        grading=GradingSettings(concurrency=8),
    )
    assert [row.score for row in rows] == [len(one.response) for one in rollouts]


def test_a_rollout_that_makes_its_call_fail_costs_the_others_nothing(text: str) -> None:
    """It alone has no score, and the reason is told."""
    rollouts = parse_rollouts(text, source="a file")
    bad = rollouts[40].response

    def raises(element: dict[str, Any]) -> float:
        if response_of(element) == bad and element["id"] == rollouts[40].id:
            raise KeyError("x")
        return 1.0

    rows = regrade_rollouts(rollouts, reward_function=FakeRewardFunction(handler_for(raises)), grading=GRADING)
    assert [(place, row.score, row.error) for place, row in enumerate(rows) if row.score != 1.0] == [
        (40, None, "KeyError: 'x'")
    ]


def test_a_function_that_fails_on_all_is_given_up(text: str) -> None:
    """No table is made of nothing."""
    with pytest.raises(NoScoresError, match="KeyError: 'score'"):
        regrade_rollouts(
            parse_rollouts(text, source="a file"),
            reward_function=FakeRewardFunction(handler_for(lambda element: element["score"])),
            grading=GRADING,
        )


# Comparing


def test_the_sums_of_a_split_tell_what_changed() -> None:
    """Means before and now, how many rose and fell, dead groups, and right rollouts ahead of wrong ones."""
    rows = [
        *changed_group((0.0, 1.0, True), (0.0, 0.0, False), (0.0, 0.0, False), (1.0, 0.5, True)),
        *changed_group((1.0, 1.0, True), (1.0, 1.0, True), line=2),
    ]
    (split,) = compare_scores(rows).splits
    assert asdict(split) == {
        "split": "train",
        "rollouts": 6,
        "mean_before": 0.5,
        "mean_now": pytest.approx(3.5 / 6),
        "up": 1,
        "down": 1,
        "lost": 0,
        "groups": 2,
        "dead_before": 0.5,
        "dead_now": 0.5,
        # Pairs that tie at the lowest score are left out, as T12 does.
        "ahead_before": 1.0,
        "ahead_now": 1.0,
    }


def test_means_are_of_the_rollouts_that_have_a_score_before_and_now() -> None:
    """One that is lost counts as lost and nowhere else."""
    (split,) = compare_scores(changed_group((1.0, None, True), (0.0, 1.0, True))).splits
    assert (split.mean_before, split.mean_now, split.up, split.down, split.lost) == (0.0, 1.0, 1, 0, 1)


def test_the_largest_change_comes_first() -> None:
    """A lost score before all; those that are alike stay in order."""
    rows = changed_group((0.0, 0.1, True), (0.0, 1.0, True), (1.0, None, True), (0.5, 0.5, True), (1.0, 0.0, True))
    comparison = compare_scores(rows)
    assert [row.rollout.index for row in comparison.changed_rows] == [2, 1, 4, 0]
    assert [row.rollout.index for row in comparison.unchanged_rows] == [3]


def test_ranks_of_old_and_new_scores_are_compared() -> None:
    """Turned around they correlate by -1."""
    rows = changed_group(*((place / 10, 1 - place / 10, True) for place in range(11)))
    assert compare_scores(rows).rank_correlation == pytest.approx(-1.0)


def printed(comparison: Comparison, *, whole: bool = True, limit: int = 20) -> str:
    """Return what the table prints at 80 columns."""
    console = Console(file=io.StringIO(), width=80, highlight=False, emoji=False)
    regrading = shown.RegradeReport(
        comparison=comparison, function_name="new", source="ftjob-1", event_layout="a shape", includes_unchanged=whole
    )
    shown.print_regrade(regrading, console, limit=limit)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_shows_row_by_row_what_changes() -> None:
    """The largest change first, then the rest, then the sums."""
    rows = [
        *changed_group((1.0, 1.0, True), (1.0, 0.0, True), (0.0, None, False)),
        *changed_group((0.0, 0.5, False), split="held_out", line=9),
    ]
    assert (
        printed(compare_scores(rows))
        == """\
Regraded: ftjob-1
by new, in events of a shape; a job under other settings: --set

line  step  rollout  before   now  prompt, response
   1     1        2       0  none  Question 1?
                                   “Answer 2.” (wrong)
                                   KeyError: 'x'
   1     1        1       1     0  Question 1?
                                   “Answer 1.” (right)
   9     1        0       0   0.5  Question 9?
                                   “Answer 0.” (wrong)
   1     1        0       1     1  Question 1?
                                   “Answer 0.” (right)

                       training         held out
rollouts               3                1
mean score             1.000 to 0.500   0.000 to 0.500
score more             0                1
score less             1                0
have no score          1                0
right ahead of wrong   -                -
groups all alike       100.0% to 0.0%   -

3 of 4 scores changed.
"""
    )


def test_alike_rows_are_shown_once() -> None:
    """An evaluation asks the same of an unchanged policy again and again."""
    again = [
        RegradedRollout(rollout=rollout(split="held_out", step=step, reward=1.0, correct=True), score=0.0)
        for step in (0, 20, 40)
    ]
    assert "   1     0   0 (x3)       1    0  Question 1?\n" in printed(compare_scores(again))


def test_only_so_many_rows_are_shown() -> None:
    """The others are counted."""
    told = printed(compare_scores(changed_group(*((0.0, 1.0, True) for _ in range(5)))), limit=2)
    assert told.count("Question 1?") == 2
    assert "and 3 more: --limit N shows them, --json FILE holds them all\n" in told


# The command


def test_a_function_that_scores_as_before_exits_with_0(stored: Path, tmp_path: Path) -> None:
    """Whatever is to fail on a change."""
    done = regrade(stored, "--reward", reward_of(tmp_path / "new", "0.5"), "--fail-on-change")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "All 62 scores are as before.")
    assert "prompt, response" not in done.stdout


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--fail-on-change"], 1)])
def test_a_change_fails_where_it_is_to(stored: Path, tmp_path: Path, options: list[str], code: int) -> None:
    """It is no fault of the function's by itself."""
    done = regrade(stored, "--reward", reward_of(tmp_path / "new", "1"), *options)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (code, "62 of 62 scores changed.")


def test_the_json_holds_every_row_when_all_are_wanted(stored: Path, tmp_path: Path) -> None:
    """On standard output the table goes to standard error."""
    reward = reward_of(tmp_path / "new", "float(rollout['id'].endswith('-0'))")
    done = regrade(stored, "--reward", reward, "--json", "-", "--limit", "0", "--all")
    told = json.loads(done.stdout)
    assert [row["now"] for row in told["rows"]] == [float(row["index"] == 0) for row in told["rows"]]
    assert (len(told["rows"]), told["splits"][1]["mean_now"]) == (62, 4 / 32)
    assert done.stderr.startswith("Regraded: ")


def test_only_what_changed_is_told_unless_all_is_wanted(stored: Path, tmp_path: Path) -> None:
    """In the JSON and in the table."""
    reward = reward_of(tmp_path / "new", "1.0 if rollout['id'].startswith('held_out') else 0.5")
    done = regrade(stored, "--reward", reward, "--json", tmp_path / "out.json", "--limit", "99")
    assert done.exit_code == 0
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert ({row["split"] for row in rows}, len(rows)) == ({"held_out"}, 30)
    assert ("0.5    1" in done.stdout, "0.5  0.5" in done.stdout) == (True, False)


def test_a_function_that_gives_no_score_at_all_exits_with_1(stored: Path, tmp_path: Path) -> None:
    """In a line."""
    reward = reward_of(tmp_path / "new", "rollout['score']")
    done = regrade(stored, "--reward", reward)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"rft-sim: {reward} gives no usable score: KeyError: 'score'")


def test_a_function_that_scores_some_and_not_others_exits_with_1(stored: Path, tmp_path: Path) -> None:
    """A job would end at the first that has no score; what the others came to is still shown."""
    reward = reward_of(tmp_path / "new", "1.0 if rollout['id'].startswith('held_out') else rollout['score']")
    done = regrade(stored, "--reward", reward)
    assert done.exit_code == 1


def test_a_job_that_is_nowhere_is_told(tmp_path: Path) -> None:
    """With what to do."""
    done = regrade("ftjob-1", "--reward", reward_of(tmp_path / "new", "1"), "--port", "1")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        "rft-sim: ftjob-1 is no file here, so it names a job, and no simulator can be asked: nothing listens on "
        "127.0.0.1:1 yet. Start it with `rft-sim serve` on the same --data, or name a file that --save has written.\n"
    )


def test_the_function_of_a_job_scores_its_rollouts_as_it_did(
    finished_job: FinishedJob, served_simulator: RunningSimulator, tmp_path: Path
) -> None:
    """All of the job's, from the running simulator; what is saved is what can be regraded without it."""
    kept = tmp_path / "kept.jsonl"
    done = regrade(
        finished_job.id,
        "--reward",
        ROOT / "reward_lambda",
        "--save",
        kept,
        "--fail-on-change",
        AWS_ENDPOINT_URL=served_simulator.url,
    )
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "All 900 scores are as before.")
    assert kept.read_text() == served_simulator.http.get(f"/_simulator/jobs/{finished_job.id}/rollouts").text


def test_what_is_read_is_not_written_over(stored: Path, tmp_path: Path) -> None:
    """Neither is one report by another."""
    reward, told = reward_of(tmp_path / "new", "1"), tmp_path / "told.json"
    done = [
        regrade(stored, "--reward", reward, "--save", stored),
        regrade(stored, "--reward", reward, "--json", told, "--save", told),
    ]
    assert [(one.exit_code, one.stderr) for one in done] == [
        (2, f"rft-sim: FILE and --save both name {stored}: give one of them another file\n"),
        (2, f"rft-sim: --json and --save both name {told}: give one of them another file\n"),
    ]


def test_a_job_that_a_simulator_does_not_know_is_told(served_simulator: RunningSimulator, tmp_path: Path) -> None:
    """By the port that was named."""
    port = urlsplit(served_simulator.url).port
    done = regrade("ftjob-none", "--reward", reward_of(tmp_path / "new", "1"), "--port", str(port))
    assert (done.exit_code, done.stderr) == (
        2,
        f"rft-sim: the simulator at {served_simulator.url} knows no job ftjob-none: `rft jobs` lists them.\n",
    )
