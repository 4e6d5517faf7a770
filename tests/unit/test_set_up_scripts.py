"""The set-up scripts say what is missing where they may not install it, and never go on without it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the scripts alone, and programs of an ordinary user on a bare machine."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "dirname", "ls", "touch"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    _program(programs / "id", "echo 1000")
    return tmp_path


def _program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def _run(project: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(project / "scripts" / script), *arguments],
        cwd=project,
        env={"PATH": str(project / "bin"), "HOME": os.fspath(project)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_missing_test_components_are_named__error(project: Path) -> None:
    (project / ".venv").mkdir()
    done = _run(project, "set_up_test_system.sh")
    assert done.returncode != 0
    assert "chromium" in done.stderr
    assert "fonts-noto-cjk" in done.stderr
    assert "apt-get install" in done.stderr
    assert not (project / ".venv" / ".set-up-system").exists()


def test_an_old_python_is_refused__error(project: Path) -> None:
    _program(project / "bin" / "python3", "exit 1")
    done = _run(project, "set_up.sh", "run")
    assert done.returncode != 0
    assert "Python 3.11" in done.stderr
    assert not (project / ".venv").exists()


def test_a_python_without_venv_is_told__error(project: Path) -> None:
    _program(project / "bin" / "python3", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    done = _run(project, "set_up.sh", "run")
    assert done.returncode != 0
    assert "python3-venv" in done.stderr
    assert not (project / ".venv").exists()


def test_continuous_integration_runs_make_test_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text().split("\n")
    assert [line for line in lines if line and not line.startswith(("#!", "set "))] == ["make test"]
