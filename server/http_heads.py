"""Heads of requests: how long they may be, before the application hears of a request at all."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD = 2**16
"""Bytes of the first line and all headers; also of what stands between two pieces of a body."""
MOST_HEADERS = 100

_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedHeads(HttpToolsProtocol):
    """Uvicorn's protocol, which by itself keeps a head, or what follows a body, without end."""

    _unread = 0
    """Bytes that the parser keeps, as they are no whole head and no part of a body yet."""

    def data_received(self, data: bytes) -> None:
        """Bytes of a connection, in pieces of any length."""
        self._unread += len(data)
        super().data_received(data)
        if self._unread > LONGEST_HEAD and not self.transport.is_closing():
            self.transport.write(_REFUSAL)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """A head has ended."""
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body has come."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has ended."""
        self._unread = 0
        super().on_message_complete()
