"""A visit: the probes in order, what ends it, and what it comes to."""

from collections.abc import Iterator

import pytest

from simulator.doctor.doctor_report import UNREHEARSED, Visit, Watch, visited
from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Case
from simulator.doctor.probe_context import Examination, Examine
from simulator.doctor.timeout_budget import NoAnswersError
from simulator.doctor.training_trace import Course, Courses
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import examination, scoring
from tests.doctor.sample_reports import FAILURE, FINE, REMARK, UNMEASURED, WARNING, course, visit


def probe(name: str) -> Probe:
    """Return a probe of this id that says nothing of itself."""
    return Probe(id=name, name="a probe", question="?", measured="", means="", remedy="", source="")


def fine(name: str) -> tuple[Probe, Examine]:
    """Return a probe that finds that all is well."""

    def examine(_exam: Examination) -> Iterator[Finding]:
        yield probe(name).fine("Well.")

    return probe(name), examine


def exhausted(name: str, *found: Finding) -> tuple[Probe, Examine]:
    """Return a probe that finds something and then gets no answer any more."""

    def examine(_exam: Examination) -> Iterator[Finding]:
        yield from found
        raise NoAnswersError("KeyError: 'x'")

    return probe(name), examine


def judged(_exam: Examination, courses: Courses) -> Iterator[Finding]:
    """Tell which courses there were."""
    yield probe("T1").fine(" and ".join(run.name for run in courses))


class Noted(Watch):
    """A watch that writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def probing(self, probe: Probe, *, place: int, of: int) -> None:
        """Note the probe."""
        self.said.append(f"{probe.id} {place}/{of}")

    def trained(self, course: str, *, step: int, of: int, calls: int) -> None:
        """Note the step."""
        self.said.append(f"{course} {step}/{of} after {calls}")


def rehearse(exam: Examination, told: object) -> tuple[Course, ...]:
    """Ask once, tell of one step, and return one course."""
    assert callable(told)
    exam.ask.asked([Case(label="trained on", record=exam.records[0], text="")])
    told("as it is", 1, 2)
    return (course(),)


@pytest.fixture
def exam(sums: tuple[Record, ...]) -> Examination:
    """Give an examination of a function that scores everything 1."""
    return examination(scoring(lambda _element: 1.0), sums)


def summary(visit: Visit) -> list[tuple[str, str, str]]:
    """Return each finding's probe, severity and words."""
    return [(finding.probe, finding.severity.value, finding.what) for finding in visit.findings]


def test_every_probe_is_taken_in_order_and_the_watch_is_told(exam: Examination) -> None:
    """The static ones, then the rehearsal, then those that look at it."""
    watch = Noted()
    done = visited(
        exam,
        data="train.jsonl",
        data_sha256="00",
        static=(fine("S1"), fine("S3")),
        training=((probe("T1"), judged),),
        rehearse=rehearse,
        watch=watch,
    )
    assert summary(done) == [("S1", "ok", "Well."), ("S3", "ok", "Well."), ("T1", "ok", "as it is")]
    assert watch.said == ["S1 1/2", "S3 2/2", "as it is 1/2 after 1"]


def test_a_visit_keeps_what_its_questions_depended_on(exam: Examination) -> None:
    """The file's bytes, the shape of the event, the model, the probes, the rows and the seed."""
    done = visited(exam, data="train.jsonl", data_sha256="00", static=(fine("S1"),), training=())
    assert done.questions == {
        "answer_path": "looked for",
        "data_sha256": "00",
        "event": "superset shape, bare strings wrapped, thinking hidden",
        "model": "openai.gpt-oss-20b",
        "probes": "all",
        "rollouts": "simulated",
        "rows": "8",
        "seed": "0",
    }


def test_what_follows_a_function_that_gives_no_answers_is_not_measured(exam: Examination) -> None:
    """What was found till then is kept, each later probe says why, and no training is rehearsed."""
    why = "The function gives no usable score: KeyError: 'x'"
    broken = probe("S1").found(Severity.FAIL, "It raises.")
    done = visited(
        exam,
        data="train.jsonl",
        data_sha256="00",
        static=(exhausted("S1", broken), fine("S2")),
        training=((probe("T1"), judged),),
        rehearse=rehearse,
    )
    assert summary(done) == [("S1", "fail", "It raises."), ("S2", "not measured", why), ("T1", "not measured", why)]
    assert done.courses == ()


def test_no_answers_are_a_failure_even_where_no_probe_says_so(exam: Examination) -> None:
    """The first that could not be measured fails, so that the exit code tells of it."""
    done = visited(exam, data="train.jsonl", data_sha256="00", static=(exhausted("S5"), fine("S6")))
    assert [(finding.probe, finding.severity.value) for finding in done.findings] == [
        ("S5", "fail"),
        ("S6", "not measured"),
    ]


def test_a_visit_without_rehearsal_says_what_was_not_measured(exam: Examination) -> None:
    """`--no-training`."""
    done = visited(exam, data="train.jsonl", data_sha256="00", static=(fine("S1"),), training=((probe("T1"), judged),))
    assert summary(done) == [("S1", "ok", "Well."), ("T1", "not measured", UNREHEARSED)]


def test_of_chosen_probes_the_groundwork_is_done_and_not_reported(exam: Examination) -> None:
    """S3 finds where the right answers stand: S5 alone would ask about the wrong ones."""
    watch = Noted()
    done = visited(
        exam,
        data="train.jsonl",
        data_sha256="00",
        static=(fine("S1"), fine("S3"), fine("S5")),
        training=((probe("T1"), judged),),
        rehearse=rehearse,
        only=frozenset({"S5"}),
        watch=watch,
    )
    assert (summary(done), watch.said, done.questions["probes"]) == (
        [("S5", "ok", "Well.")],
        ["S3 1/2", "S5 2/2"],
        "S5",
    )


def test_no_answers_to_the_groundwork_fail_the_probe_that_was_chosen(exam: Examination) -> None:
    """What is not reported cannot fail."""
    done = visited(exam, data="t", data_sha256="00", static=(exhausted("S3"), fine("S5")), only=frozenset({"S5"}))
    assert [(finding.probe, finding.severity.value) for finding in done.findings] == [("S5", "fail")]


def test_a_probe_that_crashes_shows(exam: Examination) -> None:
    """It is a fault of ours, and no finding."""

    def crashes(_exam: Examination) -> Iterator[Finding]:
        yield from ()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        visited(exam, data="train.jsonl", data_sha256="00", static=((probe("S1"), crashes),))


def test_a_probe_that_says_nothing_is_named(exam: Examination) -> None:
    """No report would list it."""
    with pytest.raises(RuntimeError, match="S1 has ended without a finding"):
        visited(exam, data="train.jsonl", data_sha256="00", static=((probe("S1"), lambda _exam: ()),))


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ((FINE, REMARK), "Nothing was found that speaks against paying for this run."),
        ((FINE, WARNING), "1 warning: look at it before you pay for this run."),
        ((WARNING, WARNING), "2 warnings: look at them before you pay for this run."),
        (
            (FAILURE, FAILURE, WARNING, UNMEASURED),
            "2 failures, 1 warning: do not pay for this run yet. Not measured: 1 of 3 probes.",
        ),
    ],
)
def test_the_verdict_says_whether_to_pay(findings: tuple[Finding, ...], verdict: str) -> None:
    """By the worst there is, with what was not measured."""
    assert visit(*findings).verdict == verdict


def test_a_visit_that_has_measured_nothing_says_so() -> None:
    """It does not say that all is well."""
    assert visit(UNMEASURED, chosen=True).verdict == (
        "Nothing was measured, so nothing speaks for or against paying for this run. No more was asked than T8."
    )


@pytest.mark.parametrize(
    ("model", "guess"),
    [
        ("openai.gpt-oss-20b", ""),
        ("openai.gpt-oss-20b-1:0", ""),
        (
            "amazon.nova-lite",
            (
                "How amazon.nova-lite behaves is a guess: only openai.gpt-oss-20b and qwen.qwen3-32b are fitted to "
                "published runs."
            ),
        ),
    ],
)
def test_a_model_that_nobody_has_calibrated_is_told(model: str, guess: str) -> None:
    """Its profile is made from a relative's."""
    assert visit(FINE, questions={"model": model}).guess == guess


def test_the_verdict_on_chosen_probes_names_them() -> None:
    """Nothing is said of the others."""
    assert visit(FINE, chosen=True).verdict == (
        "Nothing was found that speaks against paying for this run. No more was asked than S10."
    )


@pytest.mark.parametrize(
    ("finding", "passed"), [(FAILURE, (False, False)), (WARNING, (True, False)), (REMARK, (True, True))]
)
def test_warnings_count_when_strict(finding: Finding, passed: tuple[bool, bool]) -> None:
    """A failure always does, a remark never."""
    done = visit(finding)
    assert (done.passed(strict=False), done.passed(strict=True)) == passed
