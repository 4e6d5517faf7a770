"""How Alembic runs: on the connection `survey.upgrades` gives it, else on the store of the environment.

Owns how the tables are compared and how our column types are written into a revision. Refuses the offline
mode: a revision may have to read the store.
"""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from models import Base
from survey import db
from survey.columns import EncryptedText, UtcDateTime
from survey.config import settings_from


def _render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Our column types as plain ones, so that a revision does not change when they do."""
    if kind == "type" and isinstance(item, EncryptedText):
        return "sa.LargeBinary()"
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime()"
    if kind == "type" and type(item).__name__ == "AutoString":
        return f"sa.String({item.length or ''})"
    if kind == "type" and type(item).__name__ == "Enum":
        return f"sa.String({item.length})"
    if kind == "type" and type(item).__name__ == "JSON":
        return "_JSON"
    return False


def _run(connection: Any) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=_render,
        transactional_ddl=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    settings = settings_from()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with db.engine_for(settings).begin() as own:
        _run(own)
