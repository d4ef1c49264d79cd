"""`/v1/models`: the service's own models, and (INFERRED) every model and checkpoint that a job has made."""

from simulator.catalogue import BASE_MODELS, base_model
from simulator.errors import MODEL_NOT_FOUND
from simulator.routes.call import Call
from simulator.wire.bodies import Json
from simulator.wire.objects import rendered_model
from simulator.wire.pages import rendered_list


async def listing(call: Call) -> Json:
    """List all models."""
    own = [rendered_model(model.id, created=model.created, owner=model.owner) for model in BASE_MODELS.values()]
    made = [
        rendered_model(model_id, created=created, owner=call.house.settings.account)
        for model_id, created in call.house.database.models()
    ]
    return rendered_list([*own, *made])


async def retrieve(call: Call) -> Json:
    """Describe one model. Its id may hold slashes: an ARN does."""
    name = call.named("model")
    if base := base_model(name):
        return rendered_model(base.id, created=base.created, owner=base.owner)
    if made := call.house.database.model(name):
        return rendered_model(made.id, created=made.created_at, owner=call.house.settings.account)
    raise MODEL_NOT_FOUND(model=name)
