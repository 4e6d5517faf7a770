"""Column types shared by the tables: encrypted text, UTC instants, enums as their values.

Owns how a Python value becomes a stored one on SQLite and PostgreSQL alike. Refuses naive datetimes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect

from survey import crypto


class EncryptedText(sa.types.TypeDecorator[str]):
    """Text that is stored as AES-GCM ciphertext, bound to the column's label; NULL stays NULL."""

    impl = sa.LargeBinary
    cache_ok = True

    def __init__(self, label: str) -> None:
        super().__init__()
        self.label = label

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return None if value is None else crypto.current().encrypt(self.label, value.encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else crypto.current().decrypt(self.label, bytes(value)).decode()


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An instant: stored without offset in UTC, given back aware."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


def enum_type(enum: type[StrEnum]) -> sa.Enum:
    """A text column that holds the enum's values."""
    return sa.Enum(
        enum, native_enum=False, length=40, values_callable=lambda kind: [str(m.value) for m in kind]
    )


JSON_LIST: sa.types.TypeEngine[Any] = sa.JSON().with_variant(JSONB(), "postgresql")

# Text that is found by its beginning: byte order, so that a range is a prefix match in any database.
BYTE_ORDERED: sa.types.TypeEngine[str] = sa.String().with_variant(sa.String(collation="C"), "postgresql")
