"""A way to a database that can be cut: bytes wait in it, connections stay open, nobody is told."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from servicedesk.core.embedded_postgres import SOCKET_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator


class Relay:
    """Passes on what it gets between a port of loopback and the server's socket."""

    def __init__(self, address: str) -> None:
        url = make_url(address)
        self.target = f"{url.query['host']}/{SOCKET_NAME}"
        self.is_open = Event()
        self.is_open.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.sockets = [self.listener]
        self.threads = [Thread(target=self._accept)]
        self.threads[0].start()
        port = self.listener.getsockname()[1]
        through = url.set(host="127.0.0.1", port=port, query={})
        self.address = through.render_as_string(hide_password=False)

    def cut(self) -> None:
        self.is_open.clear()

    def heal(self) -> None:
        self.is_open.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.target)
                self.sockets += [near, far]
                for ends in ((near, far), (far, near)):
                    self.threads.append(Thread(target=self._pass_on, args=ends))
                    self.threads[-1].start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self.is_open.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        self.heal()
        for one in self.sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for one in self.sockets:
            one.close()


@contextmanager
def relay_to(address: str) -> Iterator[Relay]:
    """Open a relay to the database at `address` until the block ends."""
    relay = Relay(address)
    try:
        yield relay
    finally:
        relay.end()
