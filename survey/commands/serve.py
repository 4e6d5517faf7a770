"""`minqing serve`: the application for the browsers of a township.

Owns the options. The work is in `survey.serving`. Refuses nothing of its own.
"""

from __future__ import annotations

from pathlib import Path

import click

from survey import serving
from survey.commands import frame


@frame.command("serve")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; 0.0.0.0 is every network card.",
)
@click.option(
    "--port",
    default=serving.DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="Port to listen on.",
)
@click.option(
    "--https", is_flag=True, help="Encrypt; without a certificate of your own the program issues one."
)
@click.option(
    "--certificate", type=click.Path(path_type=Path), metavar="FILE", help="Your own certificate (PEM)."
)
@click.option(
    "--private-key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The private key of your certificate (PEM).",
)
def serve(host: str, port: int, https: bool, certificate: Path | None, private_key: Path | None) -> None:
    """Serve the application until stopped with Ctrl+C.

    The first start on an empty data folder makes the store, its key and one administrator, whose password is
    printed once.
    """
    listening = serving.Listening(host, port, https, certificate, private_key)
    serving.serve(frame.settings(), listening, frame.operator(), frame.say)
