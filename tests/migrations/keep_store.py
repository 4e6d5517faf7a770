"""Keep a small store of the newest revision, before the next one is written.

`python -m tests.migrations.keep_store` writes `stores/<revision>.zip`, from which `test_upgrades.py` goes on testing
that a store of that day comes through every later migration. Refuses to replace one that is kept.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from survey import backups, crypto, db, upgrades
from survey.config import Settings
from tests.migrations.filled import fill

STORES = Path(__file__).parent / "stores"


def main() -> None:
    """Build, fill and back up a store in a folder that is thrown away."""
    STORES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder), f"sqlite:///{folder}/minqing.db", Path(folder) / "key")
        engine = db.engine_for(settings)
        upgrades.upgrade(engine)
        db.use(db.Store(settings, engine), crypto.Keyring(os.urandom(32)))
        with db.session_scope() as session:
            fill(session)
        backups.write(engine, settings, STORES / f"{upgrades.newest_revision()}.zip")
        engine.dispose()


if __name__ == "__main__":
    main()
