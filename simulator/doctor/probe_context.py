"""The inputs of every probe: the reward function, the sampled rows, and the scores that several probes use."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import cached_property
from typing import Final, TypeAlias

from simulator.doctor.executors import InlineExecutor
from simulator.doctor.finding import Finding
from simulator.doctor.invocation import Call, Case, CaseResult, Invoker
from simulator.doctor.plan import FULL, Plan
from simulator.doctor.reward_function import RewardFunction
from simulator.doctor.right_answers.given_answers import GivenAnswers
from simulator.doctor.right_answers.right_answers import RightAnswers
from simulator.doctor.rows import DEFAULT_ROW_COUNT, Row, draw_order, sample_rows, with_answer_format, with_answers
from simulator.doctor.run_budget import RunBudget
from simulator.doctor.timeout_budget import TimeoutBudget
from simulator.grading.lambda_event import response_text
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.policy import prepare_prompt
from simulator.training.policy_actions import FORMAT
from simulator.training.profiles import profile_for
from simulator.training.recorded_policy import prepare_recorded_prompt
from simulator.training.recorded_response import ResponsesByLine
from simulator.training.reference_answer import answer_reader
from simulator.training.sampling import Group, sample_group
from simulator.training.weights import BASE_WEIGHTS

BASE_ROLLOUTS_PER_ROW: Final = 8
"""Rollouts of the untrained model for each row. INFERRED: a job samples as many for a prompt."""

SUBSET_ROWS: Final = 8
"""The number of rows for probes with many variants of each row. INFERRED: a mean of 8 distinguishes 0 from one half."""

FIRST_GROUPS: Final = 8
"""The number of groups of base rollouts in the first results if no right answer is known."""

SCORE_TOLERANCE: Final = 1e-9
"""Two scores that differ by more count as different."""

HOW_TO_GIVE_ANSWERS: Final = (
    "Give right answers: --solution FIELD (a field with right responses), --right FILE (right responses), or "
    "--rollouts (responses of a real model)."
)

UNKNOWN_ANSWERS: Final = (
    "No right answer is known: the references are no answers by themselves, and nothing in the records scores as one. "
    f"{HOW_TO_GIVE_ANSWERS}"
)
"""Why probes that need right answers measure nothing, if the records have references."""

NO_ANSWERS: Final = (
    "No right answer was found in the records. If they have one, name its field: --set answer_path=NAME.NAME. "
    f"{HOW_TO_GIVE_ANSWERS}"
)
"""Why probes that need right answers measure nothing, if the records have no references."""

RIGHT_LABEL, WRONG_LABEL, BASE_ROLLOUT_LABEL = "right answer", "wrong answer", "rollout of the base model"


class ProbeContext:
    """The inputs of a probe.

    Attributes:
        reward_function: the reward function.
        invoker: sends cases to it and reads their scores.
        records: every record of the data file.
        rows: the sampled rows.
        settings: how rollouts reach the function, and which field holds the right answer.
        model: the base model that the simulated rollouts imitate.
        hyperparameters: the hyperparameters of the planned run.
        recorded: the recorded responses of a real model, by line. Without them the base rollouts are simulated.
        given: the right answers that the user gives.
        right_answers: the right answers of the records: given, found, or their references.
        seed: the seed of every draw.
        plan: how much is measured.
        plan_cause: why it is less than the full plan.
        replays: the function answers from a store, and checks the budget itself for other calls.
        first_seconds: how long the first call took. None if it was not timed.
        first_init_seconds: how long its cold start took.
    """

    def __init__(
        self,
        *,
        reward_function: RewardFunction,
        records: Sequence[Record],
        settings: Settings,
        model: str,
        hyperparameters: Hyperparameters,
        row_count: int = DEFAULT_ROW_COUNT,
        recorded: ResponsesByLine | None = None,
        given: GivenAnswers | None = None,
        on_call: Callable[[Call], None] = lambda _call: None,
        executor: Executor | None = None,
        concurrency: int = 1,
        plan: Plan = FULL,
        plan_cause: str = "",
        budget: RunBudget | None = None,
        replays: bool = False,
        first_seconds: float | None = None,
        first_init_seconds: float | None = None,
    ) -> None:
        """Sample the rows. `executor` makes `concurrency` calls at once; without it there is one call at a time."""
        self.reward_function = reward_function
        self.invoker = Invoker(
            reward_function=reward_function,
            settings=settings.grading,
            on_call=on_call,
            executor=executor or InlineExecutor(),
            concurrency=concurrency,
            timeout_budget=TimeoutBudget(run_budget=budget or RunBudget(), checks_run_budget=not replays),
        )
        self.plan, self.plan_cause, self.replays = plan, plan_cause, replays
        self.first_seconds, self.first_init_seconds = first_seconds, first_init_seconds
        self.records = tuple(records)
        self.settings = settings
        self.model = model
        self.hyperparameters = hyperparameters
        self.recorded = recorded
        self.rows: tuple[Row, ...] = sample_rows(
            records,
            seed=settings.seed,
            count=row_count,
            answer_path=settings.answer_path,
            preferred_lines=given.lines if given else frozenset(),
        )
        self.right_answers = RightAnswers(read_reference=answer_reader(settings.answer_path))
        self._has_references = bool(self.answerable_rows)
        self.given = given
        if given is not None:
            self.set_right_answers(replace(self.right_answers, given=given.sources[-1]))

    @property
    def seed(self) -> int:
        """The seed of every draw."""
        return self.settings.seed

    @property
    def first_call_suffices(self) -> bool:
        """Whether the latency probe measures nothing but the first call."""
        return self.first_seconds is not None and not self.plan.measures_time_growth

    @property
    def answerable_rows(self) -> tuple[Row, ...]:
        """The rows whose right answer is known: given, or found by what scores."""
        return tuple(row for row in self.rows if row.reference.kind != "none")

    @property
    def unknown_answers_reason(self) -> str:
        """Why no right answer is known, and how the user gives some."""
        return UNKNOWN_ANSWERS if self._has_references else NO_ANSWERS

    @property
    def searched_formats(self) -> tuple[str, ...]:
        """The answer formats in which right answers are looked for. "" is each row's own; small plans try no other."""
        return FORMAT.actions if self.plan.training_steps else ("",)

    @property
    def row_subset(self) -> tuple[Row, ...]:
        """A few of the answerable rows: those that are drawn first, so that those of a smaller plan are among them."""
        rows = {row.record.line: row for row in self.answerable_rows}
        return tuple(rows[line] for line in sorted(draw_order(rows, seed=self.seed)[:SUBSET_ROWS]))

    @cached_property
    def right_results_by_format(self) -> Mapping[str, tuple[CaseResult, ...]]:
        """Results of right answers in each answer format, one per row of `row_subset`. Equal texts are scored once."""
        cases: dict[tuple[int, str], Case] = {}
        own_formats = {row.answer_format for row in self.row_subset}
        # The rows' own formats come first: a function that raises on all others has then given a score.
        for name in sorted(FORMAT.actions, key=lambda name: name not in own_formats):
            for row in self.row_subset:
                text = row.write_response(row.reference.value, answer_format=name)
                case = Case(label=f"right answer as {name}", record=row.record, text=text)
                cases.setdefault((row.record.line, text), case)
        results = dict(zip(cases, self.invoker.score(tuple(cases.values())), strict=True))
        return {
            name: tuple(
                results[row.record.line, row.write_response(row.reference.value, answer_format=name)]
                for row in self.row_subset
            )
            for name in FORMAT.actions
        }

    @property
    def right_results_in_own_format(self) -> list[CaseResult]:
        """Results of right answers in each row's own format, one per row of `row_subset`."""
        return [self.right_results_by_format[row.answer_format][index] for index, row in enumerate(self.row_subset)]

    @cached_property
    def right_results(self) -> tuple[CaseResult, ...]:
        """Results of right answers, one per answerable row, with worked steps and in the requested format."""
        return self.invoker.score(
            [Case(label=RIGHT_LABEL, record=row.record, text=row.right_response) for row in self.answerable_rows]
        )

    @cached_property
    def wrong_results(self) -> tuple[CaseResult, ...]:
        """Results of wrong answers in the same words, one per answerable row."""
        return self.invoker.score(
            [Case(label=WRONG_LABEL, record=row.record, text=row.wrong_response) for row in self.answerable_rows]
        )

    @cached_property
    def depends_on_batch(self) -> bool:
        """Whether a few responses score differently alone than in one call, although that call is repeatable.

        Other probes check this first, so that they do not report what S11 reports.
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
        ids = self.invoker.rollout_ids(cases)
        first, second = (
            [result.score for result in self.invoker.score(cases, ids=ids, keep=False)] for _ in ("first", "second")
        )
        alone = [result.score for result in self.invoker.score(cases, ids=ids, batch_size=1, keep=False)]
        return first == second and any(
            together is not None and single is not None and abs(together - single) > SCORE_TOLERANCE
            for together, single in zip(first, alone, strict=True)
        )

    @cached_property
    def base_groups(self) -> tuple[Group, ...]:
        """Rollouts of the untrained model, one group per row."""
        return tuple(map(self._simulated_group if self.recorded is None else self._recorded_group, self.rows))

    @cached_property
    def base_results(self) -> tuple[tuple[CaseResult, ...], ...]:
        """Results of the rollouts of `base_groups`, one tuple per group."""
        cases = [
            Case(
                label=BASE_ROLLOUT_LABEL, record=group.prompt.record, text=response_text(rollout, self.settings.grading)
            )
            for group in self.base_groups
            for rollout in group.rollouts
        ]
        results = iter(self.invoker.score(cases))
        return tuple(tuple(next(results) for _ in group.rollouts) for group in self.base_groups)

    @property
    def first_results(self) -> list[tuple[CaseResult, ...]]:
        """The first results, in parts. Each part was scored in separate calls."""
        if self.answerable_rows:
            return [self.right_results, self.wrong_results]
        return [tuple(result for group in self.base_results[:FIRST_GROUPS] for result in group)]

    def _simulated_group(self, row: Row) -> Group:
        profile = profile_for(self.model)
        hyperparameters = self.hyperparameters
        return sample_group(
            prepare_prompt(
                row.record,
                profile=profile,
                labels=row.task.labels,
                effort=hyperparameters.reasoning_effort,
                read_answer=self.right_answers.read,
            ),
            weights=BASE_WEIGHTS,
            profile=profile,
            temperature=hyperparameters.temperature,
            max_tokens=hyperparameters.max_tokens,
            effort=hyperparameters.reasoning_effort,
            rollouts=BASE_ROLLOUTS_PER_ROW,
            random_key=(self.seed, "doctor", "base"),
        )

    def _recorded_group(self, row: Row) -> Group:
        responses = (self.recorded or {})[row.record.line]
        prompt = prepare_recorded_prompt(
            row.record, responses, labels=row.task.labels, read_answer=self.right_answers.read_recorded
        )
        policy = prompt.policy(BASE_WEIGHTS, self.hyperparameters.temperature)
        return Group(prompt=prompt, policy=policy, rollouts=prompt.rollouts[:BASE_ROLLOUTS_PER_ROW])

    def set_answer_path(self, path: str) -> None:
        """Read the right answers from another field. Call it before `right_results` and `wrong_results` are used."""
        self.settings = replace(self.settings, answer_path=path)
        self.rows = sample_rows(self.records, seed=self.seed, count=len(self.rows), answer_path=path)
        self.right_answers = RightAnswers(read_reference=answer_reader(path))
        self._has_references = bool(self.answerable_rows)
        for name in ("right_results_by_format", "base_groups"):
            self.__dict__.pop(name, None)

    def set_right_answers(self, right_answers: RightAnswers) -> None:
        """Use other right answers. Call it before the right and wrong results are used.

        Results of what is then no right answer are forgotten, because no figure may count it as one.
        """
        self.right_answers = right_answers
        self.rows = with_answers(self.rows, right_answers.read, labels=right_answers.labels(self.records))
        for name in ("right_results_by_format", "base_groups", "depends_on_batch"):
            self.__dict__.pop(name, None)
        for label in [label for label in self.invoker.results_by_label if label.startswith(RIGHT_LABEL)]:
            del self.invoker.results_by_label[label]

    def set_answer_format(self, answer_format: str) -> None:
        """Use another format where prompts request none. Call it before the right and wrong results are used."""
        self.rows = with_answer_format(self.rows, answer_format)


ProbeFunction: TypeAlias = Callable[[ProbeContext], Iterable[Finding]]
