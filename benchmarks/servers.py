"""Server processes to be measured: the application as `minqing serve` starts it, and a bare Streamlit page."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from survey import serving
from survey.config import Settings

_START_SECONDS = 60.0


@contextmanager
def application(settings: Settings, log: Path) -> Iterator[psutil.Process]:
    """The application on a free port of this machine; its process knows the port as `port`."""
    port = _free_port()
    environment = os.environ | settings.environment()
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "-m", "survey.cli", "serve", "--port", str(port)]
    with _running(command, port, environment, log) as process:
        yield process


@contextmanager
def bare_page(log: Path) -> Iterator[psutil.Process]:
    """One text field and its echo, under the same flags."""
    port = _free_port()
    flags = serving.FLAGS | {"server.address": "127.0.0.1", "server.port": str(port)}
    script = Path(__file__).with_name("bare_page.py")
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += [f"--{name}={value}" for name, value in flags.items()]
    with _running(command, port, dict(os.environ), log) as process:
        yield process


@contextmanager
def _running(
    command: list[str], port: int, environment: dict[str, str], log: Path
) -> Iterator[psutil.Process]:
    root = Path(__file__).parents[1]
    with log.open("wb") as output:
        child = subprocess.Popen(command, cwd=root, env=environment, stdout=output, stderr=output)
        try:
            _await_health(child, port, log)
            process = psutil.Process(child.pid)
            process.port = port
            yield process
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _await_health(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise RuntimeError(
                f"the server ended: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}"
            )
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("the server did not become healthy")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
