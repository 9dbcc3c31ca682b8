"""The head of a request: bytes to WSGI environ, or a refusal.

Decides what RFC 9112 and our limits let through: one strict request line, no ambiguous framing, no header
that could pass for another. Pure: knows neither sockets nor bodies. llhttp (httptools) parses the headers.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

import httptools

from emulator.serving.refusal import Refusal

HEAD_BYTES = 64 * 1024

_REQUEST_LINE = re.compile(rb"([A-Z-]+) ([!-\"$-~]+) HTTP/1\.([01])")
_ABSOLUTE_FORM = re.compile(r"https?://([^/?]+)(.*)", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,18}")
_CODINGS = re.compile(r"[ \t]*,[ \t]*")

_KEYS: dict[bytes, str] = {}
_KEYS_LIMIT = 1024  # header names come from clients; the cache must not grow with their imagination
_DROPPED = ""
_SINGLE = {
    "HTTP_HOST": "two Host headers",
    "CONTENT_LENGTH": "two Content-Length headers",
    "CONTENT_TYPE": "two Content-Type headers",
    "HTTP_AUTHORIZATION": "two Authorization headers",
}


class RequestHead:
    """One request's head, fed with bytes as they arrive.

    After `feed` has returned a rest: environ (complete but for wsgi.input), method, keep_alive, length
    (bytes of the body, 0 without one), chunked, expects_continue.
    """

    __slots__ = (
        "_authority", "_buffer", "_fault", "_line_checked", "_parsed", "_parser", "chunked", "environ",
        "expects_continue", "keep_alive", "length", "method", "version_1_1",
    )  # fmt: skip

    def __init__(self, base: dict[str, Any]) -> None:
        """`base`: what the connection knows; copied, so that the application may change its environ."""
        self.environ = base.copy()
        self._authority: str | None = None
        self._buffer = b""
        self._fault: Refusal | None = None
        self._line_checked = False
        self._parsed = False
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> bytes | None:
        """Take received bytes. Returns what follows the head (perhaps b""), None if it has not ended.

        Raises Refusal as soon as the bytes cannot become an acceptable request.
        """
        seen = len(self._buffer)
        if seen:
            data = self._buffer + data
        elif data[:1] in (b"\r", b"\n"):
            data = data.lstrip(b"\r\n")  # RFC 9112 2.2: empty lines before a request line are ignored
        end = data.find(b"\r\n\r\n", max(0, seen - 3)) + 4
        if end == 3:
            self._buffer = data
            self._check(data[seen:], data)
            return None
        self._check(data[seen:end], data[:end] if end < len(data) else data)
        self._conclude()
        return data[end:]

    def _check(self, fresh: bytes, head: bytes) -> None:
        if not fresh:
            return
        excess = len(head) - HEAD_BYTES
        if excess > 0:
            # What is wrong before the limit is wrong whether or not the rest has arrived already.
            if excess < len(fresh):
                self._check(fresh[:-excess], head[:HEAD_BYTES])
            raise Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request head is over 64 KiB")
        if not self._line_checked and (line_end := head.find(b"\r\n")) >= 0:
            self._take_request_line(head[:line_end])
        try:
            self._parser.feed_data(fresh)
        except httptools.HttpParserUpgrade:
            pass  # llhttp's word for "what follows may be another protocol": the application's to decide
        except httptools.HttpParserError as error:
            # At the head's end llhttp checks the framing, but knows no difference between 400 and 501.
            fault = self._framing_fault() if self._parsed else None
            raise fault or Refusal(HTTPStatus.BAD_REQUEST, str(error)) from error
        if self._fault is not None:
            raise self._fault

    def _take_request_line(self, line: bytes) -> None:
        """Strict: whoever speaks TLS or anything else to this port must learn so at once, not time out."""
        parts = _REQUEST_LINE.fullmatch(line)
        if parts is None:
            raise Refusal(HTTPStatus.BAD_REQUEST, "not an HTTP/1 request line")
        self._line_checked = True
        method, raw_target, minor = parts.groups()
        target = raw_target.decode("ascii")
        environ = self.environ
        self.method = environ["REQUEST_METHOD"] = method.decode("ascii")
        self.version_1_1 = minor == b"1"
        environ["SERVER_PROTOCOL"] = "HTTP/1.1" if self.version_1_1 else "HTTP/1.0"
        environ["REQUEST_URI"] = environ["RAW_URI"] = target
        if target[0] != "/":
            target = self._other_form(target)
        path, _, environ["QUERY_STRING"] = target.partition("?")
        environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path

    def _other_form(self, target: str) -> str:
        absolute = _ABSOLUTE_FORM.fullmatch(target)
        if absolute is not None:
            # RFC 9112 3.2.2: the authority of an absolute target replaces the Host header.
            self._authority = absolute[1]
            rest = absolute[2]
            return rest if rest.startswith("/") else f"/{rest}"
        if target == "*" and self.method == "OPTIONS":
            return target
        raise Refusal(HTTPStatus.BAD_REQUEST, "the request target is not a path")

    def on_header(self, name: bytes, value: bytes) -> None:
        key = _KEYS.get(name)
        if key is None:
            key = _environ_key(name)
        text = value.decode("latin-1").rstrip(" \t")
        environ = self.environ
        if key not in environ:
            environ[key] = text
        elif key in _SINGLE:
            self._fault = Refusal(HTTPStatus.BAD_REQUEST, _SINGLE[key])
        else:
            environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + text

    def on_headers_complete(self) -> None:
        self._parsed = True

    def _conclude(self) -> None:
        """Everything that follows from the headers together."""
        if not self._parsed:
            raise Refusal(HTTPStatus.BAD_REQUEST, "the head ends where no head can end")
        environ = self.environ
        environ.pop(_DROPPED, None)
        if "HTTP_HOST" not in environ and self.version_1_1:
            raise Refusal(HTTPStatus.BAD_REQUEST, "no Host header")
        if self._authority is not None:
            environ["HTTP_HOST"] = self._authority
        fault = self._framing_fault()
        if fault is not None:
            raise fault
        self.chunked = "HTTP_TRANSFER_ENCODING" in environ
        self.length = int(environ.get("CONTENT_LENGTH", 0))
        self.keep_alive = self._wants_keep_alive(environ.get("HTTP_CONNECTION"))
        self.expects_continue = False
        if "HTTP_EXPECT" in environ and self.version_1_1:
            if environ["HTTP_EXPECT"].lower() != "100-continue":
                raise Refusal(HTTPStatus.EXPECTATION_FAILED, "an expectation other than 100-continue")
            self.expects_continue = True

    def _wants_keep_alive(self, connection: str | None) -> bool:
        if connection is None:
            return self.version_1_1
        options = _CODINGS.split(connection.lower())
        return "close" not in options and (self.version_1_1 or "keep-alive" in options)

    def _framing_fault(self) -> Refusal | None:
        """Where a body's end could be read in two ways, a request could hide in it: never guess."""
        length = self.environ.get("CONTENT_LENGTH")
        coding = self.environ.get("HTTP_TRANSFER_ENCODING")
        if length is not None and not _LENGTH.fullmatch(length):
            return Refusal(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
        if coding is None:
            return None
        if length is not None or not self.version_1_1:
            return Refusal(HTTPStatus.BAD_REQUEST, "Transfer-Encoding with Content-Length, or with HTTP/1.0")
        codings = _CODINGS.split(coding.lower().strip())
        if codings == ["chunked"]:
            return None
        if "chunked" in codings[:-1]:
            return Refusal(HTTPStatus.BAD_REQUEST, "chunked is not the last transfer coding")
        return Refusal(HTTPStatus.NOT_IMPLEMENTED, f"transfer coding {coding!r}")


def _environ_key(name: bytes) -> str:
    """CGI's name of a header. An underscore would let `Content_Length` pass for `Content-Length`, and `Proxy`
    would become HTTP_PROXY, which programs take for their own setting: both are dropped."""
    text = name.decode("latin-1").upper()
    if "_" in text or text == "PROXY":
        key = _DROPPED
    elif text in ("CONTENT-TYPE", "CONTENT-LENGTH"):
        key = text.replace("-", "_")
    else:
        key = "HTTP_" + text.replace("-", "_")
    if len(_KEYS) < _KEYS_LIMIT:
        _KEYS[name] = key
    return key
