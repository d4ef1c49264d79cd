"""`/v1/models`: the service's own models, and (INFERRED) every model and checkpoint that a job has made."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from simulator.catalogue import BASE_MODELS, base_model
from simulator.errors import NotFoundError
from simulator.house import House, house_of
from simulator.wire.bodies import WireResponse
from simulator.wire.objects import rendered_model
from simulator.wire.pages import rendered_list

router = APIRouter(prefix="/models")
Rooms = Annotated[House, Depends(house_of)]


@router.get("")
async def listing(house: Rooms) -> Response:
    """List all models."""
    own = [rendered_model(model.id, created=model.created, owner=model.owner) for model in BASE_MODELS.values()]
    made = [
        rendered_model(model_id, created=created, owner=house.settings.account)
        for model_id, created in house.database.models()
    ]
    return WireResponse(rendered_list([*own, *made]))


@router.get("/{model_id:path}")
async def retrieve(model_id: str, house: Rooms) -> Response:
    """Describe one model. Its id may hold slashes: an ARN does."""
    if base := base_model(model_id):
        return WireResponse(rendered_model(base.id, created=base.created, owner=base.owner))
    if made := house.database.model(model_id):
        return WireResponse(rendered_model(made.id, created=made.created_at, owner=house.settings.account))
    raise NotFoundError.model(model_id)
