"""What every table of a job file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of a job file: immutable, and a name that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
