"""One visit's means: the patient, the rows, and the scores that more than one probe reads, asked for once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import cached_property
from typing import Final, TypeAlias

from simulator.doctor.executors import InPlace
from simulator.doctor.finding import Finding
from simulator.doctor.invocation import Answer, Asker, Call, Case, mean_score
from simulator.doctor.reward_function import Patient
from simulator.doctor.rows import SAMPLE_ROWS, Row, in_format, sampled_rows
from simulator.grading.lambda_event import shown
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.policy import BASE, prepare
from simulator.training.policy_actions import FORMAT
from simulator.training.profiles import profile_for
from simulator.training.recorded_policy import Recordings, recorded_prompt
from simulator.training.sampling import Group, sampled_group

BASE_ROLLOUTS: Final = 8
"""Rollouts of the untrained model for each row; INFERRED to be what a job samples for a prompt."""

FEW_ROWS: Final = 8
"""How many rows are asked about where a question is put in many forms. INFERRED: a mean of 8 tells 0 from half."""

TOLD_APART: Final = 1e-9
"""Two scores that differ by more are different scores."""

RIGHT, WRONG, BASE_ROLLOUT = "right answer", "wrong answer", "rollout of the base model"


class Examination:
    """What a probe works with.

    Attributes:
        patient: the reward function.
        ask: puts cases to it.
        records: every record of the data file.
        rows: the sample that questions are asked about.
        settings: how rollouts reach the function, and where the right answer stands.
        model: the base model whose habits the simulated rollouts have.
        hyperparameters: of the run that is being considered.
        recorded: what a real model answered, by line; without it the base rollouts are simulated.
        seed: of every draw.
    """

    def __init__(
        self,
        *,
        patient: Patient,
        records: Sequence[Record],
        settings: Settings,
        model: str,
        hyperparameters: Hyperparameters,
        rows: int = SAMPLE_ROWS,
        recorded: Recordings | None = None,
        told: Callable[[Call], None] = lambda _call: None,
        executor: Executor | None = None,
        width: int = 1,
    ) -> None:
        """Make ready for a visit; `executor` makes `width` calls at once, which are one after another without it."""
        self.patient = patient
        self.ask = Asker(
            patient=patient, settings=settings.grading, told=told, executor=executor or InPlace(), width=width
        )
        self.records = tuple(records)
        self.settings = settings
        self.model = model
        self.hyperparameters = hyperparameters
        self.recorded = recorded
        self.rows: tuple[Row, ...] = sampled_rows(
            records, seed=settings.seed, count=rows, answer_path=settings.answer_path
        )

    @property
    def seed(self) -> int:
        """The seed of every draw."""
        return self.settings.seed

    @property
    def known(self) -> tuple[Row, ...]:
        """The rows whose right answer was found."""
        return tuple(row for row in self.rows if row.gold.kind != "none")

    @property
    def few(self) -> tuple[Row, ...]:
        """Some of the known rows, spread evenly over them."""
        known = self.known
        count = min(FEW_ROWS, len(known))
        return tuple(known[place * len(known) // count] for place in range(count))

    @cached_property
    def by_format(self) -> Mapping[str, tuple[Answer, ...]]:
        """What right answers to `few` score in each answer format, row by row; a text that two share is asked once."""
        cases: dict[tuple[int, str], Case] = {}
        own = {row.answer_format for row in self.few}
        # Its own format first: a function that raises on every other one has then given a score.
        for name in sorted(FORMAT.actions, key=lambda name: name not in own):
            for row in self.few:
                text = row.written(row.gold.value, answer_format=name)
                case = Case(label=f"right answer as {name}", record=row.record, text=text)
                cases.setdefault((row.record.line, text), case)
        answers = dict(zip(cases, self.ask.asked(tuple(cases.values())), strict=True))
        return {
            name: tuple(answers[row.record.line, row.written(row.gold.value, answer_format=name)] for row in self.few)
            for name in FORMAT.actions
        }

    @cached_property
    def right(self) -> tuple[Answer, ...]:
        """What right answers score: one for each known row, worked out and in the asked format."""
        return self.ask.asked([Case(label=RIGHT, record=row.record, text=row.perfect) for row in self.known])

    @cached_property
    def wrong(self) -> tuple[Answer, ...]:
        """What wrong answers in the same words score, row by row."""
        return self.ask.asked([Case(label=WRONG, record=row.record, text=row.wrong) for row in self.known])

    @property
    def right_mean(self) -> float:
        """P: the mean score of right answers."""
        return mean_score(self.right)

    @cached_property
    def depends_on_batch(self) -> bool:
        """Whether a few answers score otherwise alone than in one call, which they do alike when it is made twice.

        The other probes ask before they blame a layout or a neighbour for what is S11's.
        """
        if not self.few:
            return False
        row = self.few[0]
        texts = dict.fromkeys(
            (*(row.written(row.gold.value, answer_format=name) for name in FORMAT.actions), row.perfect, row.wrong)
        )
        cases = [Case(label="alone or together", record=row.record, text=text) for text in texts]
        names = self.ask.ids(cases)
        once, again = (
            [answer.score for answer in self.ask.asked(cases, names=names, kept=False)] for _ in ("once", "again")
        )
        alone = [answer.score for answer in self.ask.asked(cases, names=names, most=1, kept=False)]
        return once == again and any(
            one is not None and other is not None and abs(one - other) > TOLD_APART
            for one, other in zip(once, alone, strict=True)
        )

    @cached_property
    def base_groups(self) -> tuple[Group, ...]:
        """Rollouts of the untrained model: a group for each row."""
        return tuple(map(self._simulated if self.recorded is None else self._recorded, self.rows))

    @cached_property
    def base(self) -> tuple[tuple[Answer, ...], ...]:
        """What the rollouts of `base_groups` score, group by group."""
        cases = [
            Case(label=BASE_ROLLOUT, record=group.prompt.record, text=shown(rollout, self.settings.grading))
            for group in self.base_groups
            for rollout in group.rollouts
        ]
        answers = iter(self.ask.asked(cases))
        return tuple(tuple(next(answers) for _ in group.rollouts) for group in self.base_groups)

    def _simulated(self, row: Row) -> Group:
        profile = profile_for(self.model)
        settings = self.hyperparameters
        return sampled_group(
            prepare(
                row.record,
                profile=profile,
                labels=row.task.labels,
                effort=settings.reasoning_effort,
                answer_path=self.settings.answer_path,
            ),
            weights=BASE,
            profile=profile,
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,
            effort=settings.reasoning_effort,
            rollouts=BASE_ROLLOUTS,
            address=(self.seed, "doctor", "base"),
        )

    def _recorded(self, row: Row) -> Group:
        responses = (self.recorded or {})[row.record.line]
        prompt = recorded_prompt(row.record, responses, labels=row.task.labels, answer_path=self.settings.answer_path)
        policy = prompt.policy(BASE, self.hyperparameters.temperature)
        return Group(prompt=prompt, policy=policy, rollouts=prompt.rollouts[:BASE_ROLLOUTS])

    def read_answers_at(self, path: str) -> None:
        """Take the right answers from another place of the records, before anything was asked that rests on them."""
        self.settings = replace(self.settings, answer_path=path)
        self.rows = sampled_rows(self.records, seed=self.seed, count=len(self.rows), answer_path=path)
        for read_before in ("by_format", "base_groups"):
            self.__dict__.pop(read_before, None)

    def write_answers_in(self, answer_format: str) -> None:
        """Write answers in another format where no prompt asks for one, before `right` and `wrong` were asked."""
        self.rows = in_format(self.rows, answer_format)


Examine: TypeAlias = Callable[[Examination], Iterable[Finding]]
