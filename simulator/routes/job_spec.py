"""Builds the specification of a job from a create request: checks the model and fills in the defaults."""

from typing import Final

from simulator.errors import MODEL_NOT_FOUND, NOT_TUNABLE
from simulator.identity.authentication import Caller
from simulator.ids import job_seed
from simulator.inference.model_catalogue import find_base_model, list_tunable_models
from simulator.jobs.job import JobSpec
from simulator.settings import TUNING_REGION, Settings, job_assignments
from simulator.store.files import StoredFile
from simulator.training.hyperparameters import Hyperparameters
from simulator.wire.job_requests import CreateJob, RequestedHyperparameters

# INFERRED: AWS documents three hyperparameters, but not their values when they are absent or "auto".
_DEFAULTS: Final = Hyperparameters()


def find_tunable_model(model_id: str, settings: Settings) -> str:
    """Return the id of the base model that a job on `model_id` tunes.

    Raises:
        ApiError: there is no such model, or it cannot be tuned here.
    """
    model, tunable = find_base_model(model_id), list_tunable_models(settings.region)
    hint = (
        f"reinforcement fine-tuning in {settings.region} takes: {', '.join(tunable)}"
        if tunable
        else f"reinforcement fine-tuning is offered in {TUNING_REGION} only, and this simulator is {settings.region}"
    )
    if model is None and not model_id.startswith("ft:"):
        raise MODEL_NOT_FOUND(model=model_id, hint=hint)
    if model is None or model.id not in tunable:
        raise NOT_TUNABLE(model=model_id, param="model", hint=hint)
    return model.id


def job_spec_from(
    request: CreateJob,
    *,
    model: str,
    training_file: StoredFile,
    validation_file: StoredFile | None,
    caller: Caller,
    project: str,
    settings: Settings,
) -> JobSpec:
    """Return the specification. `model` is the id of the base model."""
    function = request.method.reinforcement.grader.target.function
    hyperparameters = _with_defaults(request.method.reinforcement.hyperparameters)
    return JobSpec(
        model=model,
        training_file=training_file.id,
        training_sha256=training_file.sha256,
        validation_file=validation_file.id if validation_file else None,
        validation_sha256=validation_file.sha256 if validation_file else None,
        grader_function=function,
        hyperparameters=hyperparameters,
        seed=request.seed
        if request.seed is not None
        else job_seed(
            seed=settings.seed,
            model=model,
            training_sha256=training_file.sha256,
            hyperparameters=hyperparameters,
            function=function,
        ),
        metadata=request.metadata,
        caller=caller.arn,
        account=caller.account,
        project=project,
        settings=job_assignments(settings),
    )


def _with_defaults(requested: RequestedHyperparameters) -> dict[str, int | float | str]:
    """Return the hyperparameters, with "auto" replaced if the simulator has a default for them."""
    explicit: dict[str, int | float | str] = requested.model_dump(exclude_unset=True)
    defaults: dict[str, int | float | str] = {
        "n_epochs": _DEFAULTS.n_epochs,
        "batch_size": _DEFAULTS.batch_size,
        "learning_rate_multiplier": _DEFAULTS.learning_rate_multiplier,
    }
    return defaults | {name: value for name, value in explicit.items() if value != "auto" or name not in defaults}
