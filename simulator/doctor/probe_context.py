"""One visit's means: the patient, the rows, and the scores that more than one probe reads, asked for once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import cached_property
from typing import Final, TypeAlias

from simulator.doctor.executors import InlineExecutor
from simulator.doctor.finding import Finding
from simulator.doctor.invocation import Call, Case, CaseResult, Invoker, mean_score
from simulator.doctor.reward_function import RewardFunction
from simulator.doctor.rows import SAMPLE_ROWS, Row, sample_rows, with_answer_format
from simulator.grading.lambda_event import response_text
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.policy import BASE_WEIGHTS, prepare_prompt
from simulator.training.policy_actions import FORMAT
from simulator.training.profiles import profile_for
from simulator.training.recorded_policy import ResponsesByLine, prepare_recorded_prompt
from simulator.training.sampling import Group, sample_group

BASE_ROLLOUTS_PER_ROW: Final = 8
"""Rollouts of the untrained model for each row; INFERRED to be what a job samples for a prompt."""

SUBSET_ROWS: Final = 8
"""How many rows are asked about where a question is put in many forms. INFERRED: a mean of 8 tells 0 from half."""

SCORE_TOLERANCE: Final = 1e-9
"""Two scores that differ by more are different scores."""

RIGHT_LABEL, WRONG_LABEL, BASE_ROLLOUT_LABEL = "right answer", "wrong answer", "rollout of the base model"


class ProbeContext:
    """What a probe works with.

    Attributes:
        reward_function: the reward function.
        invoker: puts cases to it.
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
        reward_function: RewardFunction,
        records: Sequence[Record],
        settings: Settings,
        model: str,
        hyperparameters: Hyperparameters,
        row_count: int = SAMPLE_ROWS,
        recorded: ResponsesByLine | None = None,
        on_call: Callable[[Call], None] = lambda _call: None,
        executor: Executor | None = None,
        concurrency: int = 1,
    ) -> None:
        """Make ready for a visit; `executor` makes `concurrency` calls at once, which are one after another without it."""
        self.reward_function = reward_function
        self.invoker = Invoker(
            reward_function=reward_function,
            settings=settings.grading,
            on_call=on_call,
            executor=executor or InlineExecutor(),
            concurrency=concurrency,
        )
        self.records = tuple(records)
        self.settings = settings
        self.model = model
        self.hyperparameters = hyperparameters
        self.recorded = recorded
        self.rows: tuple[Row, ...] = sample_rows(
            records, seed=settings.seed, count=row_count, answer_path=settings.answer_path
        )

    @property
    def seed(self) -> int:
        """The seed of every draw."""
        return self.settings.seed

    @property
    def answerable_rows(self) -> tuple[Row, ...]:
        """The rows whose right answer was found."""
        return tuple(row for row in self.rows if row.reference.kind != "none")

    @property
    def row_subset(self) -> tuple[Row, ...]:
        """Some of the known rows, spread evenly over them."""
        known = self.answerable_rows
        count = min(SUBSET_ROWS, len(known))
        return tuple(known[place * len(known) // count] for place in range(count))

    @cached_property
    def right_results_by_format(self) -> Mapping[str, tuple[CaseResult, ...]]:
        """What right answers to `few` score in each answer format, row by row; a text that two share is asked once."""
        cases: dict[tuple[int, str], Case] = {}
        own = {row.answer_format for row in self.row_subset}
        # Its own format first: a function that raises on every other one has then given a score.
        for name in sorted(FORMAT.actions, key=lambda name: name not in own):
            for row in self.row_subset:
                text = row.write_response(row.reference.value, answer_format=name)
                case = Case(label=f"right answer as {name}", record=row.record, text=text)
                cases.setdefault((row.record.line, text), case)
        answers = dict(zip(cases, self.invoker.score(tuple(cases.values())), strict=True))
        return {
            name: tuple(
                answers[row.record.line, row.write_response(row.reference.value, answer_format=name)]
                for row in self.row_subset
            )
            for name in FORMAT.actions
        }

    @cached_property
    def right_results(self) -> tuple[CaseResult, ...]:
        """What right answers score: one for each known row, worked out and in the asked format."""
        return self.invoker.score(
            [Case(label=RIGHT_LABEL, record=row.record, text=row.right_response) for row in self.answerable_rows]
        )

    @cached_property
    def wrong_results(self) -> tuple[CaseResult, ...]:
        """What wrong answers in the same words score, row by row."""
        return self.invoker.score(
            [Case(label=WRONG_LABEL, record=row.record, text=row.wrong_response) for row in self.answerable_rows]
        )

    @property
    def right_mean_score(self) -> float:
        """P: the mean score of right answers."""
        return mean_score(self.right_results)

    @cached_property
    def depends_on_batch(self) -> bool:
        """Whether a few answers score otherwise alone than in one call, which they do alike when it is made twice.

        The other probes ask before they blame a layout or a neighbour for what is S11's.
        """
        if not self.row_subset:
            return False
        row = self.row_subset[0]
        texts = dict.fromkeys(
            (
                *(row.write_response(row.reference.value, answer_format=name) for name in FORMAT.actions),
                row.right_response,
                row.wrong_response,
            )
        )
        cases = [Case(label="alone or together", record=row.record, text=text) for text in texts]
        names = self.invoker.rollout_ids(cases)
        once, again = (
            [answer.score for answer in self.invoker.score(cases, ids=names, keep=False)] for _ in ("once", "again")
        )
        alone = [answer.score for answer in self.invoker.score(cases, ids=names, batch_size=1, keep=False)]
        return once == again and any(
            one is not None and other is not None and abs(one - other) > SCORE_TOLERANCE
            for one, other in zip(once, alone, strict=True)
        )

    @cached_property
    def base_groups(self) -> tuple[Group, ...]:
        """Rollouts of the untrained model: a group for each row."""
        return tuple(map(self._simulated_group if self.recorded is None else self._recorded_group, self.rows))

    @cached_property
    def base_results(self) -> tuple[tuple[CaseResult, ...], ...]:
        """What the rollouts of `base_groups` score, group by group."""
        cases = [
            Case(
                label=BASE_ROLLOUT_LABEL, record=group.prompt.record, text=response_text(rollout, self.settings.grading)
            )
            for group in self.base_groups
            for rollout in group.rollouts
        ]
        answers = iter(self.invoker.score(cases))
        return tuple(tuple(next(answers) for _ in group.rollouts) for group in self.base_groups)

    def _simulated_group(self, row: Row) -> Group:
        profile = profile_for(self.model)
        settings = self.hyperparameters
        return sample_group(
            prepare_prompt(
                row.record,
                profile=profile,
                labels=row.task.labels,
                effort=settings.reasoning_effort,
                answer_path=self.settings.answer_path,
            ),
            weights=BASE_WEIGHTS,
            profile=profile,
            temperature=settings.temperature,
            max_tokens=settings.max_tokens,
            effort=settings.reasoning_effort,
            rollouts=BASE_ROLLOUTS_PER_ROW,
            random_key=(self.seed, "doctor", "base"),
        )

    def _recorded_group(self, row: Row) -> Group:
        responses = (self.recorded or {})[row.record.line]
        prompt = prepare_recorded_prompt(
            row.record, responses, labels=row.task.labels, answer_path=self.settings.answer_path
        )
        policy = prompt.policy(BASE_WEIGHTS, self.hyperparameters.temperature)
        return Group(prompt=prompt, policy=policy, rollouts=prompt.rollouts[:BASE_ROLLOUTS_PER_ROW])

    def set_answer_path(self, path: str) -> None:
        """Take the right answers from another place of the records, before anything was asked that rests on them."""
        self.settings = replace(self.settings, answer_path=path)
        self.rows = sample_rows(self.records, seed=self.seed, count=len(self.rows), answer_path=path)
        for read_before in ("right_results_by_format", "base_groups"):
            self.__dict__.pop(read_before, None)

    def set_answer_format(self, answer_format: str) -> None:
        """Write answers in another format where no prompt asks for one, before `right` and `wrong` were asked."""
        self.rows = with_answer_format(self.rows, answer_format)


ProbeFunction: TypeAlias = Callable[[ProbeContext], Iterable[Finding]]
