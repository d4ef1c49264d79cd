"""`/v1/models`: the service's base models, and (INFERRED) the tuned models and checkpoints of jobs."""

from starlette.responses import Response

from simulator.errors import MODEL_NOT_FOUND
from simulator.inference.model_catalogue import BASE_MODELS, find_base_model, missing_model_hint
from simulator.routes.request_context import RequestContext
from simulator.wire.json_response import Json, JsonResponse, hint_headers
from simulator.wire.objects import render_model
from simulator.wire.pagination import render_list


async def list_models(context: RequestContext) -> Response:
    """List the base models and the caller's newest tuned models. There are no pages (OBSERVED)."""
    maximum, account = context.app.settings.listed_models, context.caller.account
    created_models = context.app.models.created_models(account, limit=maximum + 1)
    hint = f"only the newest {maximum} tuned models and checkpoints are listed: the setting listed_models"
    base = [render_model(model.id, created=model.created, owner=model.owner) for model in BASE_MODELS.values()]
    tuned = [render_model(model_id, created=created, owner=account) for model_id, created in created_models[-maximum:]]
    headers = hint_headers([hint] if len(created_models) > maximum else [])
    return JsonResponse(render_list([*base, *tuned]), headers=headers)


async def retrieve(context: RequestContext) -> Json:
    """Return one model. Its id may contain slashes, as an ARN does."""
    model_id = context.path_parameter("model")
    if base := find_base_model(model_id):
        return render_model(base.id, created=base.created, owner=base.owner)
    if (tuned := context.app.models.get(model_id)) and tuned.account == context.caller.account:
        return render_model(tuned.id, created=tuned.created_at, owner=tuned.account)
    raise MODEL_NOT_FOUND(model=model_id, hint=missing_model_hint(model_id))
