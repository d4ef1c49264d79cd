"""`/v1/models`: the service's own models, and (INFERRED) the models and checkpoints that jobs have made."""

from starlette.responses import Response

from simulator.errors import MODEL_NOT_FOUND
from simulator.inference.model_catalogue import BASE_MODELS, base_model, whereabouts
from simulator.routes.request_context import Call
from simulator.wire.json_response import Json, WireResponse, hinted
from simulator.wire.objects import rendered_model
from simulator.wire.pagination import rendered_list


async def listing(call: Call) -> Response:
    """List the service's own models and the caller's newest ones; there are no pages (OBSERVED)."""
    most = call.house.settings.listed_models
    found = call.house.models.created_models(call.caller.account, limit=most + 1)
    left_out = f"only the newest {most} tuned models and checkpoints are listed: the setting listed_models"
    own = [rendered_model(model.id, created=model.created, owner=model.owner) for model in BASE_MODELS.values()]
    made = [rendered_model(model_id, created=created, owner=call.caller.account) for model_id, created in found[-most:]]
    return WireResponse(rendered_list([*own, *made]), headers=hinted([left_out] if len(found) > most else []))


async def retrieve(call: Call) -> Json:
    """Describe one model. Its id may hold slashes: an ARN does."""
    name = call.named("model")
    if base := base_model(name):
        return rendered_model(base.id, created=base.created, owner=base.owner)
    if (made := call.house.models.get(name)) and made.account == call.caller.account:
        return rendered_model(made.id, created=made.created_at, owner=call.caller.account)
    raise MODEL_NOT_FOUND(model=name, hint=whereabouts(name))
