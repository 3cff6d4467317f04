"""A link that breaks: passes TCP connections on, and cuts each of the first few after so many bytes of answers."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from urllib.parse import urlsplit


class Cutting:
    """`with Cutting(endpoint, after_bytes=…, times=…) as endpoint_through_it`.

    times: how many connections it cuts; dies: whether those after them are closed at once, or live.
    """

    def __init__(self, endpoint: str, *, after_bytes: int, times: int, dies: bool = False) -> None:
        parts = urlsplit(endpoint)
        self._upstream = (str(parts.hostname), int(parts.port or 80))
        self._after_bytes, self._left, self._dies = after_bytes, times, dies
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._left <= 0 and self._dies:
                client.close()
                continue
            server = socket.create_connection(self._upstream)
            self._ends += [client, server]
            limit = self._after_bytes if self._left > 0 else None
            self._left -= 1
            threading.Thread(target=_pass_on, args=(client, server, None), daemon=True).start()
            threading.Thread(target=_pass_on, args=(server, client, limit), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, limit: int | None) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(65536 if limit is None else min(65536, limit)):
            target.sendall(block)
            if limit is not None and not (limit := limit - len(block)):
                break
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
