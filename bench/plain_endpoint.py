"""The yardstick: an endpoint as FastAPI's and SQLAlchemy's tutorials write it. It is meant to be ordinary, not bad.

Pydantic validates the batch, the ORM adds the objects in one `add_all`, one commit stores them. The unique key is what
makes a repeat harmless, as it would have to here.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import DateTime, UniqueConstraint, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

URL = os.environ["BENCH_DATABASE_URL"]
KEY = os.environ["BENCH_KEY"]


class Base(DeclarativeBase):
    """Of the tables."""


class Reading(Base):
    """One reading, one row."""

    __tablename__ = "readings"
    __table_args__ = (UniqueConstraint("equipment_code", "metric", "event_time"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    equipment_code: Mapped[str]
    metric: Mapped[str]
    value: Mapped[float]
    event_time: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    unit_code: Mapped[str | None]
    quality: Mapped[float]


class ReadingIn(BaseModel):
    """One reading as sent."""

    equipment_code: str = Field(min_length=1, max_length=200)
    metric: str = Field(min_length=1, max_length=200)
    value: float = Field(allow_inf_nan=False)
    event_time: datetime
    unit_code: str | None = Field(default=None, max_length=200)
    quality: float = Field(default=1.0, ge=0, le=1)


engine = create_engine(URL, pool_size=20, max_overflow=10)
app = FastAPI()


def get_session() -> Iterator[Session]:
    """Lend a session."""
    with Session(engine) as session:
        yield session


def check_key(authorization: Annotated[str, Header()]) -> None:
    """Let pass who knows the key."""
    if authorization != f"Bearer {KEY}":
        raise HTTPException(401)


@app.post("/readings", status_code=201, dependencies=[Depends(check_key)])
def post_readings(readings: list[ReadingIn], session: Annotated[Session, Depends(get_session)]) -> dict[str, int]:
    """Store readings."""
    session.add_all(Reading(**reading.model_dump()) for reading in readings)
    session.commit()
    return {"accepted": len(readings)}


@app.get("/health")
def health() -> dict[str, str]:
    """Tell that the server answers."""
    return {"status": "ok"}


if __name__ == "__main__":
    import uvicorn

    Base.metadata.create_all(engine)
    workers = int(os.environ.get("BENCH_WORKERS", "2"))
    uvicorn.run("bench.plain_endpoint:app", port=int(os.environ["BENCH_PORT"]), workers=workers, access_log=False)
