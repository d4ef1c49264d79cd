"""The base models of the service and their capabilities."""

from dataclasses import dataclass
from typing import Final

from simulator.settings import TUNING_REGION


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    """A base model. `created` is in seconds since the Unix epoch."""

    id: str
    owner: str
    is_tunable: bool
    has_responses_api: bool
    created: int = 1_750_000_000  # OBSERVED for one of them, used for all


# DOCUMENTED: only gpt-oss-20b and Qwen3 32B can be tuned. OBSERVED: gpt-oss-120b is offered too.
# OBSERVED: no Qwen model has the Responses API.
BASE_MODELS: Final = {
    model.id: model
    for model in (
        BaseModel(id="openai.gpt-oss-120b", owner="openai", is_tunable=False, has_responses_api=True),
        BaseModel(id="openai.gpt-oss-20b", owner="openai", is_tunable=True, has_responses_api=True),
        BaseModel(id="qwen.qwen3-32b", owner="qwen", is_tunable=True, has_responses_api=False),
    )
}

# SAMPLE: one notebook has the id of the bedrock-runtime API.
ALIASES: Final = {"qwen.qwen3-32b-v1:0": "qwen.qwen3-32b"}


def find_base_model(model_id: str) -> BaseModel | None:
    """Return the base model with this id or alias, or None."""
    return BASE_MODELS.get(resolve_alias(model_id))


def resolve_alias(model_id: str) -> str:
    """Return the model id of an alias, and any other id unchanged."""
    return ALIASES.get(model_id, model_id)


def missing_model_hint(model_id: str) -> str:
    """Return the hint for a model that does not exist."""
    if model_id.startswith("ft:"):
        return "a tuned model exists once its job has succeeded, for its own account; GET /v1/models lists them"
    return f"base models here: {', '.join(BASE_MODELS)}; GET /v1/models lists the tuned ones too"


def list_tunable_models(region: str) -> tuple[str, ...]:
    """Return the ids that can be fine-tuned in `region`."""
    return tuple(model.id for model in BASE_MODELS.values() if model.is_tunable and region == TUNING_REGION)
