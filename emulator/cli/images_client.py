"""`homeport images export` and `import`: between the registry and a folder in the OCI image layout.

A client of `/v2/` like any other. Indexes go with all their images, images with the artifacts that refer to them; every
byte is checked against its digest; what the other side already has is not moved again. A blob appears in the folder
whole or not at all, so an interrupted copy can be repeated. Source: OCI image layout and distribution specifications.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import quote, urlsplit

from emulator.cli.oci_layout import REF_NAME, CannotCopy, Layout, name_of
from emulator.domain.ecr.manifest import (
    IMAGE_TYPES,
    LIST_TYPES,
    Descriptor,
    Manifest,
    digest_of,
    is_digest,
    is_tag,
    parse_manifest,
)
from emulator.domain.errors import AwsError

_PIECE: Final = 256 * 1024
_MIB: Final = 1024 * 1024
_AWS_HOST: Final = re.compile(r"(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.[a-z.]+(?::\d+)?/(.+)")
_LOCAL_HOST: Final = re.compile(r"(?:localhost|127\.0\.0\.1)(?::\d+)?/(.+)")


@dataclass(slots=True)
class Moved:
    """What a copy did: manifests and blobs that are now there, bytes that had to be moved for it."""

    manifests: int = 0
    blobs: int = 0
    bytes: int = 0


def split_reference(text: str) -> tuple[str, str | None]:
    """Repository, in the words of a path on localhost, and tag or digest. Registry hosts may stand in front."""
    aws, local = _AWS_HOST.fullmatch(text), _LOCAL_HOST.fullmatch(text)
    if aws is not None:
        text = f"{aws[1]}.{aws[2]}/{aws[3]}"
    elif local is not None:
        text = local[1]
    name, at, digest = text.partition("@")
    if at:
        if not is_digest(digest):
            raise CannotCopy(f"{digest!r} is no digest")
        return name, digest
    name, colon, tag = text.rpartition(":")
    if not colon or "/" in tag:
        return text, None
    if not is_tag(tag):
        raise CannotCopy(f"{tag!r} is no tag")
    return name, tag


class Progress:
    """Says on standard error how far each blob is: in place on a terminal, one line for each otherwise."""

    def __init__(self, digest: str, size: int) -> None:
        self._name, self._size, self._done = digest.partition(":")[2][:12], size, 0
        self._live, self._said = sys.stderr.isatty(), -1

    def add(self, count: int) -> None:
        self._done += count
        if self._live and self._done // _MIB != self._said:
            self._said = self._done // _MIB
            sys.stderr.write(f"\r{self._name}  {self._done / _MIB:.1f} / {self._size / _MIB:.1f} MiB")
            sys.stderr.flush()

    def end(self) -> None:
        start, rest = ("\r", "\x1b[K") if self._live else ("", "")
        sys.stderr.write(f"{start}{self._name}  {self._size / _MIB:.1f} MiB  done{rest}\n")


class RegistryClient:
    """One connection to one repository."""

    def __init__(self, endpoint: str, password: str, repository: str) -> None:
        import base64

        where = urlsplit(endpoint)
        kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
        self._connection = kind(where.netloc, timeout=60, blocksize=_PIECE)
        self._authorization = "Basic " + base64.b64encode(f"AWS:{password}".encode()).decode()
        self.repository = repository

    def tags(self) -> list[str]:
        tags: list[str] = []
        path = "tags/list"
        while path:
            answer = self._ask("GET", path)
            tags += json.loads(answer.read())["tags"]
            path = _next(answer)
        return tags

    def manifest(self, reference: str) -> tuple[str, str, bytes]:
        """Digest, media type and bytes, which are the digest's."""
        answer = self._ask("GET", f"manifests/{reference}")
        body = answer.read()
        digest = reference if is_digest(reference) else str(answer.headers["Docker-Content-Digest"])
        if digest_of(body, digest.partition(":")[0]) != digest:
            raise CannotCopy(f"what came for {digest} has another digest")
        return digest, str(answer.headers["Content-Type"]), body

    def referrers(self, digest: str) -> list[str]:
        """Digests of the artifacts whose subject it is."""
        found: list[str] = []
        path = f"referrers/{digest}"
        while path:
            answer = self._ask("GET", path)
            found += [str(one["digest"]) for one in json.loads(answer.read())["manifests"]]
            path = _next(answer)
        return found

    def has_blob(self, digest: str) -> bool:
        return self._ask("HEAD", f"blobs/{digest}", absent=True).status == 200

    def blob(self, digest: str) -> Iterator[bytes]:
        answer = self._ask("GET", f"blobs/{digest}")
        while piece := answer.read(_PIECE):
            yield piece

    def push_blob(self, digest: str, size: int, source: Any) -> None:
        location = str(self._ask("POST", "blobs/uploads/", b"").headers["Location"])
        joint = "&" if "?" in location else "?"
        path = urlsplit(f"{location}{joint}digest={digest}")
        self._ask("PUT", f"{path.path}?{path.query}", source, {"Content-Length": str(size)})

    def push_manifest(self, reference: str, media_type: str, body: bytes) -> None:
        self._ask("PUT", f"manifests/{reference}", body, {"Content-Type": media_type})

    def _ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, absent: bool = False
    ) -> HTTPResponse:
        whole = path if path.startswith("/") else f"/v2/{quote(self.repository)}/{path}"
        sent = {"Authorization": self._authorization, **(headers or {})}
        try:
            self._connection.request(method, whole, body, sent)
            answer = self._connection.getresponse()
        except (OSError, HTTPException) as error:
            raise CannotCopy(f"the registry does not answer: {error}") from error
        if answer.status >= 400 and not (absent and answer.status == 404):
            raise CannotCopy(_refusal(answer))
        if method == "HEAD" or answer.status in (201, 202, 404):
            answer.read()
        return answer


def _refusal(answer: HTTPResponse) -> str:
    body = answer.read()
    try:
        return str(json.loads(body)["errors"][0]["message"])
    except (ValueError, LookupError, TypeError):
        return f"the registry answered {answer.status}"


def _next(answer: HTTPResponse) -> str:
    """The path of the next page, empty on the last."""
    link = re.match(r"<([^>]+)>", answer.headers.get("Link") or "")
    parts = urlsplit(link[1]) if link else None
    return f"{parts.path}?{parts.query}" if parts else ""


@dataclass(slots=True)
class _Copy:
    """State of one copy: what was done, which manifests were met."""

    client: RegistryClient
    layout: Layout
    moved: Moved = field(default_factory=Moved)
    met: set[str] = field(default_factory=set)


def export_layout(client: RegistryClient, reference: str | None, root: Path) -> Moved:
    """One tag or digest, or all tags of the repository. Raises CannotCopy."""
    copy = _Copy(client, Layout(root))
    references = [reference] if reference else client.tags()
    if not references:
        raise CannotCopy(f"the repository {client.repository} has no tags")
    for one in references:
        digest, media_type, body = client.manifest(one)
        copy.layout.create()  # not before there is something to put into it
        descriptor: dict[str, Any] = {"mediaType": media_type, "digest": digest, "size": len(body)}
        if is_tag(one):
            descriptor["annotations"] = {REF_NAME: one}
        _fetch(copy, digest, media_type, body)
        copy.layout.add(descriptor)
    return copy.moved


def _fetch(copy: _Copy, digest: str, media_type: str, body: bytes) -> None:
    """A manifest with all that it names, then the artifacts that name it."""
    if digest in copy.met:
        return
    copy.met.add(digest)
    manifest = _parsed(body, media_type)
    for child in manifest.children:
        _fetch(copy, *copy.client.manifest(child.digest))
    for blob in manifest.required_blobs:
        copy.moved.blobs += 1
        if not copy.layout.holds(blob.digest):
            copy.moved.bytes += _download(copy, blob)
    copy.layout.write(digest, iter([body]))
    copy.moved.manifests += 1
    for referrer in copy.client.referrers(digest):
        _, kind, content = copy.client.manifest(referrer)
        known = referrer in copy.met
        _fetch(copy, referrer, kind, content)
        if not known:
            copy.layout.add({"mediaType": kind, "digest": referrer, "size": len(content)})


def _download(copy: _Copy, blob: Descriptor) -> int:
    def fetch(watch: Progress) -> int:
        return copy.layout.write(blob.digest, _each(copy.client.blob(blob.digest), watch))

    return _watched(blob.digest, blob.size, fetch)


def import_layout(client: RegistryClient, tag: str | None, root: Path) -> Moved:
    """With a tag one image: the one of that name, or the only one that has a name or, without names, is no artifact.
    Without a tag everything under its own names.

    Raises CannotCopy.
    """
    layout = Layout(root)
    layout.check()
    copy = _Copy(client, layout)
    for descriptor, name in _wanted(layout, tag):
        digest = str(descriptor.get("digest"))
        media_type, body = str(descriptor.get("mediaType")), layout.read(digest)
        _push(copy, digest, media_type, body)
        if name is not None:
            reference = name if digest.startswith("sha256:") else f"{digest}?tag={name}"
            client.push_manifest(reference, media_type, body)
    return copy.moved


def _wanted(layout: Layout, tag: str | None) -> list[tuple[dict[str, Any], str | None]]:
    """Descriptors with the tag that each is to get; artifacts that refer to others come last."""
    entries = layout.entries()
    if not entries:
        raise CannotCopy(f"{layout.root} holds no image")
    entries.sort(key=lambda one: _subject(layout, one) is not None)
    if tag is None:
        return [(one, name_of(one)) for one in entries]
    images = [one for one in entries if name_of(one) is not None] or [
        one for one in entries if _subject(layout, one) is None
    ]
    named = [one for one in entries if name_of(one) == tag] or (images if len(images) == 1 else [])
    if not named:
        names = ", ".join(sorted(filter(None, map(name_of, entries)))) or "none has a name"
        raise CannotCopy(f"{layout.root} holds {len(images)} images ({names}); none is {tag}")
    return [(named[0], tag), *((one, None) for one in _about(layout, entries, str(named[0]["digest"])))]


def _about(layout: Layout, entries: list[dict[str, Any]], digest: str) -> list[dict[str, Any]]:
    """The artifacts that refer to an image, to its children, or to such artifacts."""
    about, found, grew = _inside(layout, digest), [], True
    while grew:
        new = [one for one in entries if _subject(layout, one) in about and one not in found]
        found += new
        about |= {str(one["digest"]) for one in new}
        grew = bool(new)
    return found


def _inside(layout: Layout, digest: str) -> set[str]:
    body = layout.read(digest)
    children = _parsed(body, None).children
    return {digest}.union(*(_inside(layout, child.digest) for child in children))


def _subject(layout: Layout, descriptor: dict[str, Any]) -> str | None:
    media_type = descriptor.get("mediaType")
    kind = media_type if media_type in (*IMAGE_TYPES, *LIST_TYPES) else None
    return _parsed(layout.read(str(descriptor.get("digest"))), kind).subject_digest


def _push(copy: _Copy, digest: str, media_type: str, body: bytes) -> None:
    if digest in copy.met:
        return
    copy.met.add(digest)
    manifest = _parsed(body, media_type)
    for child in manifest.children:
        _push(copy, child.digest, child.media_type, copy.layout.read(child.digest))
    for blob in manifest.required_blobs:
        copy.moved.blobs += 1
        if not copy.client.has_blob(blob.digest):
            copy.moved.bytes += _upload(copy, blob.digest)
    copy.client.push_manifest(digest, media_type, body)
    copy.moved.manifests += 1


def _upload(copy: _Copy, digest: str) -> int:
    path = copy.layout.path(digest)
    if not path.is_file():
        raise CannotCopy(f"{copy.layout.root} has no blob {digest}")
    size = path.stat().st_size

    def push(watch: Progress) -> int:
        with path.open("rb") as file:
            copy.client.push_blob(digest, size, _Watched(file, watch))
        return size

    return _watched(digest, size, push)


class _Watched:
    """A file whose reading is watched; what http.client sends from."""

    def __init__(self, file: BinaryIO, watch: Progress) -> None:
        self._file, self._watch = file, watch

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._watch.add(len(piece))
        return piece


def _watched(digest: str, size: int, work: Callable[[Progress], int]) -> int:
    watch = Progress(digest, size)
    moved = work(watch)
    watch.end()
    return moved


def _each(pieces: Iterator[bytes], watch: Progress) -> Iterator[bytes]:
    for piece in pieces:
        watch.add(len(piece))
        yield piece


def _parsed(body: bytes, media_type: str | None) -> Manifest:
    try:
        return parse_manifest(body, media_type)
    except AwsError as error:
        raise CannotCopy(f"this is no manifest: {error.message}") from error
