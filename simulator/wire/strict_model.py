"""What everything that is read strictly is made of."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """No coercion, and a field that is not written here is refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
