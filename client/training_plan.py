"""Print what `rft train` is going to do, and ask before AWS bills for it."""

from __future__ import annotations

from rich.console import Console

from client.comparison import MAX_ANSWER_TOKENS
from client.dataset import count_shared_prompts
from client.dataset_issues import print_issues
from client.errors import UsageError
from client.function_plan import function_memory_mb, print_function
from client.job_spec import ROLLOUTS_PER_PROMPT
from client.run_inputs import RunInputs
from client.target import Target
from client.terminal import confirm, format_count, format_size, print_done, print_field, print_heading, print_warning
from client.train_options import TrainOptions


def print_plan(options: TrainOptions, inputs: RunInputs, *, target: Target, console: Console) -> None:
    """Print the target, the inputs, the number of steps and the warnings."""
    data, validation = inputs.data, inputs.validation
    print_heading(console, "rft train")
    print_field(console, "target", target.config.name, detail=f"{target.api_url}  {target.region}")
    print_field(console, "model", options.model)
    print_field(
        console, "data", options.data, detail=f"{format_count(len(data.rows), 'row')}, {format_size(data.size)}"
    )
    if validation is not None:
        print_field(console, "validation", str(options.validation), detail=format_count(len(validation.rows), "row"))
    print_function(options.reward, inputs.reward, options.function, code_bucket=inputs.code_bucket, console=console)
    hyperparameters, steps = options.hyperparameters, _step_count(options, inputs)
    epochs, batch_size = format_count(hyperparameters.n_epochs, "epoch"), hyperparameters.batch_size
    rollouts = format_count(steps * batch_size * ROLLOUTS_PER_PROMPT, "rollout")
    print_field(
        console,
        "plan",
        f"{epochs}, batch {batch_size}, learning rate x{hyperparameters.learning_rate_multiplier:g}",
        detail=f"about {format_count(steps, 'step')}, {rollouts}",
    )
    console.print()
    for warning in (*target.warnings, *inputs.reward.warnings):
        print_warning(console, warning)
    print_issues(data.warnings, path=options.data, console=console, as_errors=False)
    if validation is not None:
        print_issues(validation.warnings, path=str(options.validation), console=console, as_errors=False)
        overlap = count_shared_prompts(validation.rows, data.rows)
        if overlap:
            print_warning(
                console,
                f"{format_count(overlap, 'row')} of {options.validation} have a prompt that is also in {options.data}: "
                "the comparison measures memory, too",
            )
    print_done(console, "checked", "the data has the format that the service requires")


def confirm_billing(options: TrainOptions, inputs: RunInputs, *, target: Target, console: Console) -> None:
    """Print what AWS will bill for, and ask for confirmation. Does nothing for a target that is not billed.

    Raises:
        UsageError: the user did not confirm.
    """
    if not target.config.is_billed:
        return
    steps, batch_size = _step_count(options, inputs), options.hyperparameters.batch_size
    rollouts = steps * batch_size * ROLLOUTS_PER_PROMPT
    print_heading(console, "AWS will bill the account of your credentials for")
    print_field(
        console,
        "training",
        f"{format_count(steps, 'step')} of {format_count(batch_size, 'prompt')}, "
        f"about {format_count(rollouts, 'rollout')}",
    )
    memory_mb = function_memory_mb(inputs.reward, options.function)
    print_field(console, "Lambda", f"up to {format_count(rollouts, 'invocation')} of {memory_mb} MB")
    if inputs.code_bucket is not None:
        print_field(console, "S3", f"the zip of the function in {inputs.code_bucket.name}")
    if inputs.held_out:
        chats = format_count(2 * len(inputs.held_out), "chat completion")
        print_field(console, "inference", f"{chats} of up to {MAX_ANSWER_TOKENS:,} tokens, base and tuned")
    print_field(console, "prices", "https://aws.amazon.com/bedrock/pricing/", detail="the counts are estimates")
    require_confirmation(console, is_confirmed=options.yes)


def require_confirmation(console: Console, *, is_confirmed: bool) -> None:
    """Return if the user confirmed with --yes, or now at the terminal.

    Raises:
        UsageError: the user did not confirm.
    """
    if not (is_confirmed or (console.is_terminal and confirm(console, "Go on?"))):
        raise UsageError("Nothing was created.", next_step="Answer yes, or add --yes.")


def _step_count(options: TrainOptions, inputs: RunInputs) -> int:
    return options.hyperparameters.step_count(
        rows=len(inputs.data.rows), has_validation_file=inputs.validation is not None
    )
