"""The table of docs/registry.md, row by row: what it says of either way is what is answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from werkzeug.test import Client, TestResponse

from emulator.app import build
from emulator.config import Config
from emulator.domain.ecr.image import Repository
from emulator.domain.ecr.manifest import DOCKER_MANIFEST, OCI_INDEX
from emulator.registry.auth import TokenSigner
from emulator.registry.dialect import ECR, OCI, Dialect
from emulator.registry.repository import create_repository
from tests.registry.conftest import House, digest, error_of, image_manifest, index_of

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "registry.md"
MEBIBYTE = 1024 * 1024


def said(answer: TestResponse) -> str:
    """Status and error code, as the table has them."""
    if answer.status_code < 400:
        return str(answer.status_code)
    return f"{answer.status_code} {error_of(answer)[0]}"


def start(house: House) -> str:
    return house.call("POST", "/v2/app/blobs/uploads/").headers["Location"]


def put(house: House, content: bytes, named: str) -> str:
    return said(house.call("PUT", f"{start(house)}?digest={named}", data=content))


def chunk(house: House) -> str:
    return said(house.call("PATCH", start(house), data=b"chunk"))


def location(house: House) -> str:
    return "a path" if start(house).startswith("/v2/") else "a whole address"


def monolithic(house: House) -> str:
    return said(house.call("POST", f"/v2/app/blobs/uploads/?digest={digest(b'x')}", data=b"x"))


def small_chunks(house: House) -> str:
    where = start(house)
    house.call("PATCH", where, data=b"x" * 5 * MEBIBYTE)
    house.call("PATCH", where, data=b"x")
    return said(house.call("PATCH", where, data=b"x"))


def mount(house: House) -> str:
    named = house.push_blob("other", b"mounted")
    return said(house.call("POST", f"/v2/app/blobs/uploads/?mount={named}&from=other"))


def delete_blob(house: House) -> str:
    return said(house.call("DELETE", f"/v2/app/blobs/{house.push_blob('app', b'deleted')}"))


def delete_child(house: House) -> str:
    child = house.push_image("app", "child", b"layer")
    house.push_manifest("app", "parent", index_of(child), OCI_INDEX)
    return said(house.call("DELETE", f"/v2/app/manifests/{digest(child)}"))


def last_tag(house: House) -> str:
    body = house.push_image("app", "v1", b"layer")
    assert house.call("DELETE", "/v2/app/manifests/v1").status_code == 202
    return said(house.call("GET", f"/v2/app/manifests/{digest(body)}"))


def missing_blobs(house: House) -> str:
    return said(house.push_manifest("app", "v1", image_manifest(b"config")))


def other_digest(house: House) -> str:
    house.push_blob("app", b"config")
    return said(house.push_manifest("app", digest(b"another"), image_manifest(b"config")))


def tags(house: House) -> str:
    house.push_blob("app", b"config")
    for number in range(101):
        house.push_manifest("app", f"t{number}", image_manifest(b"config"))
    answer = house.call("GET", "/v2/app/tags/list")
    return f"{len(answer.json['tags'])}{' and Link' if 'Link' in answer.headers else ''}"


def other_form(house: House) -> str:
    body = house.push_image("app", "v1", b"layer")
    accepted = "application/vnd.docker.distribution.manifest.list.v2+json, " + DOCKER_MANIFEST
    path, headers = "/v2/app/manifests/v1", {"Accept": accepted}
    head, answer = house.call("HEAD", path, headers=headers), house.call("GET", path, headers=headers)
    for one in (head, answer):
        assert one.headers["Docker-Content-Digest"] == digest(answer.data)
        assert int(one.headers["Content-Length"]) == len(answer.data)
        assert one.headers["Content-Type"] == answer.json["mediaType"]
    by_digest = house.call("GET", f"/v2/app/manifests/{digest(body)}", headers=headers)
    assert by_digest.data == body == house.call("GET", path, headers={"Accept": "*/*"}).data
    return "as it was pushed" if answer.data == body else "in Docker's form"


PROBES: dict[str, Callable[[House], str]] = {
    "a chunk (PATCH) is taken": chunk,
    "`Location` of an upload": location,
    "a blob in one POST with `digest`": monolithic,
    "a blob without bytes": lambda house: put(house, b"", digest(b"")),
    "a chunk of less than 5 MiB that is not the last": small_chunks,
    "a sha512 digest": lambda house: put(house, b"x", digest(b"x", "sha512")),
    "a mount from another repository": mount,
    "DELETE of a blob": delete_blob,
    "DELETE of an image that an index names": delete_child,
    "the image, after DELETE of its last tag": last_tag,
    "a manifest whose blobs are not there": missing_blobs,
    "a manifest that is none": lambda house: said(house.push_manifest("app", "v1", b"blah")),
    "a manifest under another digest": other_digest,
    "101 tags listed without `n`": tags,
    "tags listed with `n=1001`": lambda house: said(house.call("GET", "/v2/app/tags/list?n=1001")),
    "referrers in a repository that does not exist": lambda house: said(
        house.call("GET", f"/v2/no/where/referrers/{digest(b'x')}")
    ),
    "an OCI image by its tag, when only Docker's types are accepted": other_form,
}

ROWS = [
    [cell.removesuffix("¹").strip() for cell in row]
    for row in re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", DOCUMENT.read_text(), re.MULTILINE)
    if row[0] != "case"
]


@pytest.mark.parametrize(("case", "by_default", "strictly"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row(house: House, strict_house: House, case: str, by_default: str, strictly: str) -> None:
    assert by_default != strictly
    assert PROBES[case](house) == by_default
    assert PROBES[case](strict_house) == strictly


def test_the_table_is_whole() -> None:
    """Every probe has its row, and the ways differ in every member: `codes` stands for three rows, `smallest_chunk`,
    `algorithms` and the others for one each."""
    assert [row[0] for row in ROWS] == list(PROBES)
    names = [field.name for field in fields(Dialect)]
    assert all(getattr(OCI, name) != getattr(ECR, name) for name in names)
    assert len(ROWS) == len(names) + len(OCI.codes) - 1


def test_the_smallest_chunk_is_announced(house: House, strict_house: House) -> None:
    answers = [one.call("POST", "/v2/app/blobs/uploads/") for one in (house, strict_house)]
    assert [answer.headers.get("OCI-Chunk-Min-Length") for answer in answers] == [None, "5242880"]


def test_more_than_a_page_in_ecrs_words(strict_house: House) -> None:
    assert error_of(strict_house.call("GET", "/v2/app/tags/list?n=1001")) == (
        "UNSUPPORTED",
        "Invalid parameter at 'maxResults' failed to satisfy constraint: "
        "'Member must have value less than or equal to 1000'",
    )


@pytest.mark.parametrize(("strict", "status"), [(False, 202), (True, 201)])
def test_the_option_reaches_the_registry(config: Config, strict: bool, status: int) -> None:
    emulator = build(replace(config, registry_strict_ecr=strict), threaded=False)
    with emulator.database.write() as tx:
        create_repository(tx, Repository("123456789012", "us-east-1", "app", emulator.clock.now()))
    signer = emulator.gateway.parts.get(TokenSigner)
    token, _ = signer.authorization_token("123456789012", "us-east-1", "arn", emulator.clock.now())
    client, headers = Client(emulator.wsgi), {"Authorization": f"Basic {token}", "Host": "localhost:4566"}
    start = client.post("/v2/app/blobs/uploads/", headers=headers)
    path = start.headers["Location"].partition("/v2/")[2]
    assert client.patch(f"/v2/{path}", data=b"x", headers=headers).status_code == status
    emulator.close()
