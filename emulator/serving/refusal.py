"""What the server refuses by itself, before or instead of the application's answer. Pure."""

from __future__ import annotations

from http import HTTPStatus


class Refusal(Exception):
    """A request that HTTP/1.1 or our limits forbid. `status` is answered and the connection closed."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status

    def answer(self, date: str, with_body: bool = True) -> bytes:
        """The whole response: the status' phrase as plain text, never a detail of ours."""
        text = f"{self.status.phrase}\n"
        return (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(text)}\r\nConnection: close\r\n{date}\r\n{text if with_body else ''}"
        ).encode("latin-1")


class MalformedBody(Refusal, ValueError):
    """Raised to the application by `wsgi.input` when the chunks of a body are not chunks. 400."""

    def __init__(self, why: str) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, why)
