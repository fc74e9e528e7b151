"""Signs of life of the processes that work behind the site, kept in PostgreSQL, shown by /api/health."""

from datetime import datetime

from sqlalchemy import Text, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from aurapark.database import UtcDateTime
from aurapark.extensions import Model, db


class Heartbeat(Model):
    """The last sign of life of one process, by name."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=func.now())


def beat(name: str) -> None:
    """Note that a process is alive, in the transaction under way."""
    statement = insert(Heartbeat).values(name=name)
    db.session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"at": func.now()}))
