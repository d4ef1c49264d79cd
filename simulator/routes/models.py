"""`/v1/models`: the service's own models, and (INFERRED) the models and checkpoints that jobs have made."""

from starlette.responses import Response

from simulator.errors import MODEL_NOT_FOUND
from simulator.inference.model_catalogue import BASE_MODELS, find_base_model, missing_model_hint
from simulator.routes.request_context import RequestContext
from simulator.wire.json_response import Json, JsonResponse, hint_headers
from simulator.wire.objects import render_model
from simulator.wire.pagination import render_list


async def list_models(context: RequestContext) -> Response:
    """List the service's own models and the caller's newest ones; there are no pages (OBSERVED)."""
    most = context.app.settings.listed_models
    found = context.app.models.created_models(context.caller.account, limit=most + 1)
    left_out = f"only the newest {most} tuned models and checkpoints are listed: the setting listed_models"
    own = [render_model(model.id, created=model.created, owner=model.owner) for model in BASE_MODELS.values()]
    made = [
        render_model(model_id, created=created, owner=context.caller.account) for model_id, created in found[-most:]
    ]
    return JsonResponse(render_list([*own, *made]), headers=hint_headers([left_out] if len(found) > most else []))


async def retrieve(context: RequestContext) -> Json:
    """Describe one model. Its id may hold slashes: an ARN does."""
    name = context.path_parameter("model")
    if base := find_base_model(name):
        return render_model(base.id, created=base.created, owner=base.owner)
    if (made := context.app.models.get(name)) and made.account == context.caller.account:
        return render_model(made.id, created=made.created_at, owner=context.caller.account)
    raise MODEL_NOT_FOUND(model=name, hint=missing_model_hint(name))
