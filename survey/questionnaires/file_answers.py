"""Files that answer a question of type file: a paper, a table, an archive, kept as they are.

Owns which kinds are taken, how large, and under which name. They lie beside the photos, encrypted and stored once by
content, and are never shown in place. Refuses kinds that nobody needs here and that a browser would run.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Session, col

from models import Attachment, Draft
from survey.access.permissions import Action, Actor, service
from survey.problems import Problem
from survey.questionnaires import attachment_files, attachments, drafts

TYPES: Final = (
    *("pdf", "ofd", "doc", "docx", "wps", "odt", "xls", "xlsx", "et", "ods", "ppt", "pptx", "txt", "csv"),
    *("jpg", "jpeg", "png", "zip"),
)
"""Endings of the names of files that are taken."""
MOST_MB: Final = attachments.MOST_BYTES // 1024 // 1024
_MOST_NAME: Final = 60
_UNSAFE: Final = re.compile(r"[^\w.\- ]+")


@service(Action.VISITS_RECORD)
def store(session: Session, actor: Actor, instance_id: str, question: str, name: str, content: bytes) -> str:
    """Keep a file of one's own draft under this name and return its id; the same name again replaces it.

    Problems `attachment.bad_name`, `attachment.file_type`, `attachment.file_too_large`, `attachment.disk_full`.
    """
    draft = drafts.load(session, actor, instance_id)
    if not attachments.is_name(name):
        raise Problem("attachment.bad_name", question=question, name=name[:_MOST_NAME])
    if PurePosixPath(name).suffix.lower().lstrip(".") not in TYPES:
        raise Problem("attachment.file_type", name=name, known=", ".join(TYPES))
    if len(content) > attachments.MOST_BYTES:
        raise Problem("attachment.file_too_large", name=name, limit_mb=MOST_MB)
    row = Attachment(
        instance_id=instance_id,
        question=question,
        name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        media_type="application/octet-stream",
        size_bytes=len(content),
        cadre_id=drafts.owner(actor),
        area_code=session.execute(
            sa.select(Draft.area_code).where(col(Draft.instance_id) == draft.instance_id)  # type: ignore[call-overload]
        ).scalar_one(),
    )
    attachments.remove(session, actor, instance_id, name)
    attachment_files.write(session, row.sha256, content)
    session.add(row)
    session.flush()
    return row.id


def name_for(sent: str) -> str:
    r"""A name for a file somebody sends: his own without folders and odd characters, after something unique.

    >>> name_for("C:\\docs\\低保 申请(1).pdf")[9:], name_for("../../etc/passwd")[9:]
    ('低保 申请_1_.pdf', 'passwd')
    """
    plain = _UNSAFE.sub("_", PureWindowsPath(sent).name).strip(" .")
    return f"{uuid4().hex[:8]}-{plain[-_MOST_NAME:]}"
