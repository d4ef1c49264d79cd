"""From what a create request says to an order that can be carried out: models checked, defaults filled in."""

from typing import Final

from simulator.auth import Caller
from simulator.catalogue import base_model, tunable_models
from simulator.errors import MODEL_NOT_FOUND, NOT_TUNABLE
from simulator.ids import digest
from simulator.jobs.job import Order
from simulator.settings import Settings
from simulator.store.database import StoredFile
from simulator.training.hyperparameters import Hyperparameters
from simulator.wire.requests import CreateJob, RequestedHyperparameters

# AWS shows these three; what the service takes when they are absent or "auto" is not published (INFERRED).
_DEFAULTS: Final = Hyperparameters()
_SEED_RANGE: Final = 2**31


def order_of(
    wanted: CreateJob,
    *,
    training: StoredFile,
    validation: StoredFile | None,
    caller: Caller,
    settings: Settings,
) -> Order:
    """Return the order.

    Raises:
        ApiError: no such model, or one that cannot be tuned here.
    """
    model = base_model(wanted.model)
    tunable = tunable_models(settings.region)
    offered = f"reinforcement fine-tuning in {settings.region} takes: {', '.join(tunable) or 'no model at all'}"
    if model is None:
        if wanted.model.startswith("ft:"):
            raise NOT_TUNABLE(model=wanted.model, param="model", hint=offered)
        raise MODEL_NOT_FOUND(model=wanted.model, hint=offered)
    if model.id not in tunable:
        raise NOT_TUNABLE(model=wanted.model, param="model", hint=offered)
    function = wanted.method.reinforcement.grader.target.function
    hyperparameters = _filled_in(wanted.method.reinforcement.hyperparameters)
    return Order(
        model=model.id,
        training_file=training.id,
        training_sha256=training.sha256,
        validation_file=validation.id if validation else None,
        validation_sha256=validation.sha256 if validation else None,
        grader_function=function,
        hyperparameters=hyperparameters,
        seed=wanted.seed if wanted.seed is not None else _seed(settings, model.id, training, hyperparameters, function),
        metadata=wanted.metadata,
        caller=caller.arn,
        account=caller.account,
    )


def _filled_in(wanted: RequestedHyperparameters) -> dict[str, int | float | str]:
    """Return what was asked for, "auto" replaced where the simulator has a default; OpenAI's other names as given."""
    given: dict[str, int | float | str] = wanted.model_dump(exclude_unset=True)
    defaults: dict[str, int | float | str] = {
        "n_epochs": _DEFAULTS.n_epochs,
        "batch_size": _DEFAULTS.batch_size,
        "learning_rate_multiplier": _DEFAULTS.learning_rate_multiplier,
    }
    return defaults | {name: value for name, value in given.items() if value != "auto" or name not in defaults}


def _seed(
    settings: Settings, model: str, training: StoredFile, hyperparameters: dict[str, int | float | str], function: str
) -> int:
    """Return a seed that belongs to the inputs, but not to the reward function's code.

    So an edit of the reward function meets the very same rollouts at step 1, and two runs can be compared line by line.
    """
    inputs = (settings.seed, model, training.sha256, sorted(hyperparameters.items()), function)
    return int.from_bytes(digest("job seed", *inputs, size=8), "big") % _SEED_RANGE
