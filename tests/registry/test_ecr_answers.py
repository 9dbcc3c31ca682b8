"""Where the registry is ECR's rather than anybody's: tokens, hosts and accounts, immutable tags, pulls, journal."""

from __future__ import annotations

import base64
import json

import pytest

from emulator.domain.ecr.image import Image, TagFilter
from emulator.events import journal
from emulator.ids import Ids
from emulator.registry.auth import ExpiredToken, InvalidToken, TokenSigner
from emulator.registry.repository import find_image, find_repository
from tests.registry.conftest import ACCOUNT, REGION, House, basic, digest, error_of

ROUTES = [
    ("GET", "/v2/"),
    ("GET", "/v2/app/tags/list"),
    ("PUT", "/v2/app/manifests/v1"),
    ("POST", "/v2/app/blobs/uploads/"),
    ("GET", "/v2/nothing-of-the-kind"),
]


class TestToken:
    @pytest.mark.parametrize(("method", "path"), ROUTES)
    def test_without_one_every_route_asks_for_it(self, house: House, method: str, path: str) -> None:
        answer = house.client.open(path, method=method, base_url="https://registry.example:4566")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == (
            'Basic realm="https://registry.example:4566/",service="ecr.amazonaws.com"'
        )
        assert (answer.text, answer.headers["Content-Length"]) == ("Not Authorized\n", "15")
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"

    def test_with_one_the_registry_answers(self, house: House) -> None:
        answer = house.call("GET", "/v2/")
        assert (answer.status_code, answer.data) == (200, b"")
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"

    @pytest.mark.parametrize(
        "header",
        ["Basic", "Basic !!!", "Bearer abc", basic("AWS", ""), basic("AWS", "garbage"), basic("AWS", "e30="),
         basic("AWS", base64.b64encode(b'{"payload": 1, "datakey": []}').decode()), basic("AWS", "ä"),
         "Basic \xff\xfe", "Basic ä",
         basic("AWS", base64.b64encode(b"[" * 100_000).decode())],
    )  # fmt: skip
    def test_a_wrong_one_is_none(self, house: House, header: str) -> None:
        assert house.client.get("/v2/", headers={"Authorization": header}).status_code == 401

    def test_another_user_name_is_refused(self, house: House) -> None:
        token, _ = house.signer.issue(ACCOUNT, REGION, "arn:aws:iam::123456789012:root", house.clock.now())
        assert house.client.get("/v2/", headers={"Authorization": basic("AWS", token)}).status_code == 200
        assert house.client.get("/v2/", headers={"Authorization": basic("root", token)}).status_code == 401

    def test_of_another_emulator_is_refused(self, house: House) -> None:
        token, _ = TokenSigner(b"other").issue(ACCOUNT, REGION, "arn", house.clock.now())
        assert house.client.get("/v2/", headers={"Authorization": basic("AWS", token)}).status_code == 401

    def test_holds_for_twelve_hours(self, house: House) -> None:
        header = {"Authorization": house.credentials()}
        house.clock.advance(12 * 3600 - 1)
        assert house.client.get("/v2/", headers=header).status_code == 200
        house.clock.advance(1)
        answer = house.client.get("/v2/", headers=header)
        assert answer.status_code == 403
        assert error_of(answer) == (
            "DENIED",
            "Your authorization token has expired. Reauthenticate and try again.",
        )

    def test_of_another_account_is_refused(self, house: House) -> None:
        stranger = {"Authorization": house.credentials(account="999988887777")}
        assert house.client.get("/v2/", headers=stranger).status_code == 200
        answer = house.client.get("/v2/app/tags/list", headers=stranger)
        assert answer.status_code == 403
        assert error_of(answer) == (
            "DENIED",
            "User: arn:aws:iam::999988887777:root is not authorized to perform: ecr:ListImages on resource: "
            "arn:aws:ecr:us-east-1:123456789012:repository/app because no resource-based policy allows the "
            "ecr:ListImages action",
        )

    def test_of_another_region_is_refused(self, house: House) -> None:
        answer = house.client.get("/v2/app/tags/list", headers={"Authorization": house.credentials(region="eu-west-1")})
        assert (answer.status_code, error_of(answer)[0]) == (403, "DENIED")

    def test_outlives_a_restart(self, house: House) -> None:
        again = TokenSigner.kept_in(house.database, Ids())
        token, claims = house.signer.issue(ACCOUNT, REGION, "arn:aws:iam::123456789012:user/me", 1000.0)
        assert token.isascii()
        assert len(token) < 2500
        assert again.verify(token, 1000.0) == claims
        assert claims.expires_at == 1000.0 + 12 * 3600
        with pytest.raises(ExpiredToken):
            again.verify(token, claims.expires_at)

    def test_says_when_it_expires_and_cannot_be_altered(self, house: House) -> None:
        token, claims = house.signer.issue(ACCOUNT, REGION, "arn", 1000.0)
        outer = json.loads(base64.b64decode(token))
        assert (outer["type"], outer["expiration"]) == ("DATA_KEY", int(claims.expires_at))
        payload = json.loads(base64.b64decode(outer["payload"]))
        outer["payload"] = base64.b64encode(json.dumps(["999988887777", *payload[1:]]).encode()).decode()
        with pytest.raises(InvalidToken):
            house.signer.verify(base64.b64encode(json.dumps(outer).encode()).decode(), 1000.0)


class TestPlaces:
    """One server, many registries: by AWS's host name, or by a prefix of the path elsewhere."""

    def tags(self, house: House, path: str, account: str, region: str, host: str = "localhost:4566"):
        headers = {"Authorization": house.credentials(account, region), "Host": host}
        return house.client.get(path, headers=headers)

    def test_by_path(self, house: House) -> None:
        house.create("team/app", "999988887777", "eu-west-1")
        answer = self.tags(house, "/v2/999988887777.eu-west-1/team/app/tags/list", "999988887777", "eu-west-1")
        assert answer.json == {"name": "999988887777.eu-west-1/team/app", "tags": []}

    def test_the_default_one_may_be_spelled_out(self, house: House) -> None:
        assert self.tags(house, f"/v2/{ACCOUNT}.{REGION}/app/tags/list", ACCOUNT, REGION).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "999988887777.dkr.ecr.eu-west-1.amazonaws.com",
            "999988887777.dkr.ecr.eu-west-1.amazonaws.com:4566",
            "999988887777.dkr.ecr-fips.eu-west-1.amazonaws.com",
            "999988887777.dkr-ecr.eu-west-1.on.aws",
        ],
    )
    def test_by_host(self, house: House, host: str) -> None:
        house.create("here", "999988887777", "eu-west-1")
        assert self.tags(house, "/v2/here/tags/list", "999988887777", "eu-west-1", host).json["name"] == "here"
        assert self.tags(house, "/v2/here/tags/list", ACCOUNT, REGION, host).status_code == 403

    def test_uploads_stay_where_the_client_is(self, house: House) -> None:
        house.create("app", "999988887777", "eu-west-1")
        headers = {"Authorization": house.credentials("999988887777", "eu-west-1")}
        start = house.client.post("/v2/999988887777.eu-west-1/app/blobs/uploads/", headers=headers)
        assert start.headers["Location"].startswith("/v2/999988887777.eu-west-1/app/blobs/uploads/")
        done = house.client.put(f"{start.headers['Location']}?digest={digest(b'x')}", data=b"x", headers=headers)
        assert done.headers["Location"] == f"/v2/999988887777.eu-west-1/app/blobs/{digest(b'x')}"
        assert house.client.head(done.headers["Location"], headers=headers).status_code == 200
        assert house.call("HEAD", f"/v2/app/blobs/{digest(b'x')}").status_code == 404

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_a_repository_must_exist(self, house: House, method: str) -> None:
        for path in ("tags/list", "manifests/v1", f"blobs/{digest(b'')}"):
            answer = house.call(method, f"/v2/no/where/{path}")
            assert answer.status_code == 404
            if method == "GET":
                assert error_of(answer) == (
                    "NAME_UNKNOWN",
                    "The repository with name 'no/where' does not exist in the registry with id '123456789012'",
                )

    def test_a_repository_must_exist_to_push(self, house: House) -> None:
        for method, path in (("POST", "blobs/uploads/"), ("PUT", "manifests/v1"), ("DELETE", "manifests/v1")):
            answer = house.call(method, f"/v2/nowhere/{path}")
            assert (answer.status_code, error_of(answer)[0]) == (404, "NAME_UNKNOWN")

    @pytest.mark.parametrize("name", ["UPPER", "a..b", "-a", "a/", "a" * 257, "ü"])
    def test_a_name_has_a_form(self, house: House, name: str) -> None:
        answer = house.call("GET", f"/v2/{name}/tags/list")
        assert (answer.status_code, error_of(answer)[0]) == (400, "NAME_INVALID")

    @pytest.mark.parametrize("path", ["x", "_catalog", "app/nothing", "app/tags/else"])
    def test_other_paths_are_not_found(self, house: House, path: str) -> None:
        answer = house.call("GET", f"/v2/{path}")
        assert (answer.status_code, answer.text) == (404, "404 page not found\n")

    def test_other_methods_are_not_supported(self, house: House) -> None:
        answer = house.call("POST", "/v2/app/manifests/v1")
        assert (answer.status_code, error_of(answer)[0]) == (405, "UNSUPPORTED")


class TestImmutableTags:
    @pytest.mark.parametrize(
        ("mode", "tag", "moves"),
        [
            ("MUTABLE", "v1", True),
            ("IMMUTABLE", "v1", False),
            ("IMMUTABLE_WITH_EXCLUSION", "v1", False),
            ("IMMUTABLE_WITH_EXCLUSION", "dev-1", True),
            ("MUTABLE_WITH_EXCLUSION", "v1", True),
            ("MUTABLE_WITH_EXCLUSION", "dev-1", False),
        ],
    )
    def test_modes(self, house: House, mode: str, tag: str, moves: bool) -> None:
        filters = (TagFilter("dev*"), TagFilter("*nightly")) if "EXCLUSION" in mode else ()
        house.create("kept", tag_mutability=mode, exclusion_filters=filters)
        first = house.push_image("kept", tag, b"one")
        second = house.push_image("kept", "x", b"two")
        answer = house.push_manifest("kept", tag, second)
        assert answer.status_code == (201 if moves else 400)
        if not moves:
            assert error_of(answer) == (
                "TAG_INVALID",
                f"The image tag '{tag}' already exists in the 'kept' repository and cannot be overwritten because "
                "the tag is immutable.",
            )
        now_there = house.call("GET", f"/v2/kept/manifests/{tag}").data
        assert now_there == (second if moves else first)

    def test_the_same_image_may_be_pushed_again_and_a_deleted_tag_is_free(self, house: House) -> None:
        house.create("kept", tag_mutability="IMMUTABLE")
        first = house.push_image("kept", "v1", b"one")
        assert house.push_manifest("kept", "v1", first).status_code == 201
        house.call("DELETE", "/v2/kept/manifests/v1")
        house.push_image("kept", "v1", b"two")


def image_of(house: House, tag: str) -> Image:
    with house.database.read() as reader:
        image = find_image(reader, find_repository(reader, ACCOUNT, REGION, "app"), tag)
    assert image is not None
    return image


class TestRecords:
    def test_size_counts_config_and_layers(self, house: House) -> None:
        house.push_image("app", "v1", b"12345", b"67890")
        config = json.loads(house.call("GET", "/v2/app/manifests/v1").data)["config"]
        assert image_of(house, "v1").size_bytes == config["size"] + 10

    def test_a_get_is_a_pull_at_most_once_a_day(self, house: House) -> None:
        house.push_image("app", "v1", b"layer")
        house.call("HEAD", "/v2/app/manifests/v1")
        assert image_of(house, "v1").last_pulled_at is None
        first = house.clock.now()
        house.call("GET", "/v2/app/manifests/v1")
        house.clock.advance(24 * 3600 - 1)
        house.call("GET", "/v2/app/manifests/v1")
        assert image_of(house, "v1").last_pulled_at == first
        house.clock.advance(1)
        house.call("GET", "/v2/app/manifests/v1")
        assert image_of(house, "v1").last_pulled_at == first + 24 * 3600

    def test_the_journal_tells_pushes_and_deletions(self, house: House) -> None:
        body = house.push_image("app", "v1", b"layer")
        house.push_manifest("app", "v2", body)
        house.push_manifest("app", "v2", body)
        house.call("DELETE", "/v2/app/manifests/v1")
        house.call("DELETE", f"/v2/app/manifests/{digest(body)}")
        with house.database.read() as reader:
            entries = journal.entries(reader, subject="arn:aws:ecr:us-east-1:123456789012:repository/app")
        told = [entry for entry in entries if entry.kind != "eventbridge"]
        assert [(entry.kind, entry.detail.get("image-tag")) for entry in told] == [
            ("image.pushed", "v1"),
            ("image.pushed", "v2"),
            ("image.untagged", "v1"),
            ("image.deleted", "v2"),
        ]
        assert {entry.detail["image-digest"] for entry in told} == {digest(body)}
