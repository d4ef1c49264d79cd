"""The base class of strictly parsed requests."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """No coercion. Unknown fields are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
