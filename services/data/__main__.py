"""Start the data service. In: PROGRESS of all readers. Out: NEW_DATA."""

from __future__ import annotations

from backbus.services.data.source import SourceRole
from backbus.transport.member import serve


class Data(SourceRole):
    """History as a stream."""

    name = "data"


if __name__ == "__main__":
    serve(Data())
