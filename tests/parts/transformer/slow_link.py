"""A TCP link with a delay in front of a server, as a slow network or a busy Redis is felt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class SlowLink:
    """delay_s: how late each piece of an answer comes; may change at any time."""

    target: int
    delay_s: float = 0.0
    port: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        for source, sink, slow in ((reader, there_writer, False), (there_reader, writer, True)):
            task = asyncio.create_task(self._pump(source, sink, slow))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, slow: bool) -> None:
        try:
            while piece := await source.read(65536):
                if slow:
                    await asyncio.sleep(self.delay_s)
                sink.write(piece)
                await sink.drain()
        except OSError:
            pass  # the other end went away, which is what a time-out does
        finally:
            sink.close()


@asynccontextmanager
async def slow_link(target: int, delay_s: float) -> AsyncIterator[SlowLink]:
    link = SlowLink(target, delay_s)
    server = await asyncio.start_server(link.serve, "127.0.0.1", 0)
    link.port = server.sockets[0].getsockname()[1]
    try:
        yield link
    finally:
        server.close()
        for task in tuple(link.tasks):
            task.cancel()
        await asyncio.gather(*link.tasks, return_exceptions=True)
