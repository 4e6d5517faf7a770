"""A line between tablet and server that can be cut and mended, as a valley's network does."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Line:
    """Forwards a port of its own to the server's; while it is cut every connection ends at once."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._is_up = True
        self._ends: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End what is connected, and refuse what comes."""
        self._is_up = False
        self._end_all()

    def mend(self) -> None:
        """Let connections through again."""
        self._is_up = True

    def close(self) -> None:
        """Stop listening."""
        self._listening.close()
        self._end_all()

    def _end_all(self) -> None:
        while self._ends:
            _end(self._ends.pop())

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                near, _address = self._listening.accept()
                if not self._is_up:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._server_port))
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):  # cut
        while data := source.recv(65536):
            sink.sendall(data)
    _end(source)
    _end(sink)


def _end(one: socket.socket) -> None:
    with suppress(OSError):  # ended already
        one.shutdown(socket.SHUT_RDWR)
