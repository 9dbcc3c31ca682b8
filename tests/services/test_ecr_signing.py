"""Managed signing: what is pushed gets a signature that others can verify, and its status says how that went."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID

from emulator.app import Emulator, build
from emulator.clock import VirtualClock
from emulator.config import Config
from tests.conftest import Aws, aws_of, call_wsgi, make_environ
from tests.services.ecs_scene import refuses
from tests.services.test_ecr_layers import ACCOUNT, image

PROFILE = f"arn:aws:signer:us-east-1:{ACCOUNT}:/signing-profiles/release"
SIGNATURE = "application/vnd.cncf.notary.signature"


@pytest.fixture
def ecr(aws: Aws) -> Any:
    client = aws("ecr")
    client.create_repository(repositoryName="app")
    return client


def rules(*arns: str, filters: tuple[str, ...] = ()) -> dict[str, Any]:
    given = [{"filter": one, "filterType": "WILDCARD_MATCH"} for one in filters]
    more: dict[str, Any] = {"repositoryFilters": given} if filters else {}
    return {"rules": [{"signingProfileArn": arn, **more} for arn in arns]}


def status(ecr: Any, tag: str, repository: str = "app") -> list[tuple[str, str]]:
    answer = ecr.describe_image_signing_status(repositoryName=repository, imageId={"imageTag": tag})
    return [(one["signingProfileArn"], one["status"]) for one in answer["signingStatuses"]]


def fetch(emulator: Emulator, ecr: Any, path: str) -> bytes:
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    answer = call_wsgi(emulator.wsgi, make_environ("GET", path, b"", {"Authorization": f"Basic {token}"}))
    assert answer[0] == 200
    return answer[2]


def signatures(emulator: Emulator, ecr: Any, digest: str) -> list[dict[str, Any]]:
    path = f"/v2/app/referrers/{digest}"
    found = json.loads(fetch(emulator, ecr, path))["manifests"]
    return [one for one in found if one["artifactType"] == SIGNATURE]


def unpack(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verify(envelope: dict[str, Any], root: x509.Certificate) -> dict[str, Any]:
    """As the Notary Project's specification has it, with nothing of ours. The descriptor that was signed."""
    assert set(envelope) == {"payload", "protected", "header", "signature"}
    protected = json.loads(unpack(envelope["protected"]))
    assert (protected["alg"], protected["cty"]) == ("ES384", "application/vnd.cncf.notary.payload.v1+json")
    assert protected["io.cncf.notary.signingScheme"] == "notary.x509"
    assert protected["crit"] == ["io.cncf.notary.signingScheme"]
    leaf, above = [x509.load_der_x509_certificate(base64.b64decode(one)) for one in envelope["header"]["x5c"]]
    assert above == root
    leaf.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.digital_signature and not usage.value.key_cert_sign
    extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.CODE_SIGNING]
    signature = unpack(envelope["signature"])
    assert len(signature) == 96
    both = encode_dss_signature(int.from_bytes(signature[:48]), int.from_bytes(signature[48:]))
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(both, f"{envelope['protected']}.{envelope['payload']}".encode(), ec.ECDSA(hashes.SHA384()))
    return dict(json.loads(unpack(envelope["payload"]))["targetArtifact"])


class TestConfiguration:
    def test_it_is_put_shown_and_deleted(self, ecr: Any) -> None:
        for call in (ecr.get_signing_configuration, ecr.delete_signing_configuration):
            with refuses("SigningConfigurationNotFoundException"):
                call()
        given = rules(PROFILE, filters=("app*",))
        put = ecr.put_signing_configuration(signingConfiguration=given)
        assert put["signingConfiguration"] == given
        assert "a key of its own" in put["ResponseMetadata"]["HTTPHeaders"]["x-homeport-warning"]
        assert ecr.get_signing_configuration()["signingConfiguration"] == given
        assert ecr.delete_signing_configuration()["signingConfiguration"] == given

    def test_what_is_no_profile(self, ecr: Any) -> None:
        for bad in (rules("arn:aws:signer:nope"), rules(*[f"{PROFILE}{n}" for n in range(11)])):
            with refuses("InvalidParameterException", part=True):
                ecr.put_signing_configuration(signingConfiguration=bad)


class TestSigning:
    def test_a_push_is_signed(self, ecr: Any, emulator: Emulator) -> None:
        before = image(ecr, "before", "a")
        ecr.put_signing_configuration(signingConfiguration=rules(PROFILE))
        digest = image(ecr, "v1", "b")
        assert status(ecr, "v1") == [(PROFILE, "IN_PROGRESS")]
        emulator.plane.settle()
        assert status(ecr, "v1") == [(PROFILE, "COMPLETE")]
        assert status(ecr, "before") == [] == signatures(emulator, ecr, before)
        [found] = signatures(emulator, ecr, digest)
        [listed] = ecr.list_image_referrers(repositoryName="app", subjectId={"imageDigest": digest})["referrers"]
        assert (listed["digest"], listed["artifactType"]) == (found["digest"], SIGNATURE)
        manifest = json.loads(fetch(emulator, ecr, f"/v2/app/manifests/{found['digest']}"))
        assert manifest["layers"][0]["mediaType"] == "application/jose+json"
        assert fetch(emulator, ecr, f"/v2/app/blobs/{manifest['config']['digest']}") == b"{}"
        envelope = json.loads(fetch(emulator, ecr, f"/v2/app/blobs/{manifest['layers'][0]['digest']}"))
        pem = call_wsgi(emulator.wsgi, make_environ("GET", "/_emulator/signing-root", b"", {}))[2]
        signed = verify(envelope, x509.load_pem_x509_certificate(pem))
        body = fetch(emulator, ecr, f"/v2/app/manifests/{digest}")
        assert signed == {"mediaType": json.loads(body)["mediaType"], "digest": digest, "size": len(body)}
        chain = [base64.b64decode(one) for one in envelope["header"]["x5c"]]
        thumbprints = manifest["annotations"]["io.cncf.notary.x509chain.thumbprint#S256"]
        assert json.loads(thumbprints) == [hashlib.sha256(one).hexdigest() for one in chain]

    def test_once_for_each_profile_and_image(self, ecr: Any, emulator: Emulator) -> None:
        other = rules(f"{PROFILE}2", filters=("other/*",))["rules"]
        both = {"rules": [*rules(PROFILE, f"{PROFILE}_too", PROFILE)["rules"], *other]}
        ecr.put_signing_configuration(signingConfiguration=both)
        digest = image(ecr, "v1")
        emulator.plane.settle()
        image(ecr, "v2")  # another tag of the same image
        emulator.plane.settle()
        assert status(ecr, "v2") == [(PROFILE, "COMPLETE"), (f"{PROFILE}_too", "COMPLETE")]
        assert len(signatures(emulator, ecr, digest)) == 2

    def test_what_refers_to_an_image_is_not_signed(self, ecr: Any, emulator: Emulator) -> None:
        ecr.put_signing_configuration(signingConfiguration=rules(PROFILE))
        subject = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": image(ecr, "v1"), "size": 1}
        image(ecr, "sbom", "b", subject=subject)
        emulator.plane.settle()
        assert status(ecr, "sbom") == []
        count = len(ecr.describe_images(repositoryName="app")["imageDetails"])
        assert count == 3

    def test_profiles_of_elsewhere(self, ecr: Any, emulator: Emulator) -> None:
        stranger = PROFILE.replace(ACCOUNT, "210987654321")
        away = PROFILE.replace("us-east-1", "eu-west-1")
        ecr.put_signing_configuration(signingConfiguration=rules(stranger, away))
        image(ecr, "v1")
        emulator.plane.settle()
        answer = ecr.describe_image_signing_status(repositoryName="app", imageId={"imageTag": "v1"})
        for one in answer["signingStatuses"]:
            assert (one["status"], one["failureCode"]) == ("FAILED", "SigningProfileNotFound")
            assert "no AWS Signer" in one["failureReason"]

    def test_an_image_that_is_archived_before(self, ecr: Any, emulator: Emulator) -> None:
        ecr.put_signing_configuration(signingConfiguration=rules(PROFILE))
        image(ecr, "v1")
        ecr.update_image_storage_class(
            repositoryName="app", imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE"
        )  # fmt: skip
        emulator.plane.settle()
        [one] = ecr.describe_image_signing_status(repositoryName="app", imageId={"imageTag": "v1"})["signingStatuses"]
        assert (one["status"], one["failureCode"]) == ("FAILED", "ImageInaccessible")

    def test_a_status_needs_an_image(self, ecr: Any) -> None:
        with refuses("ImageNotFoundException"):
            ecr.describe_image_signing_status(repositoryName="app", imageId={"imageTag": "nope"})
        with refuses("InvalidParameterException"):
            ecr.describe_image_signing_status(repositoryName="app", imageId={})


def test_a_restart_finishes_what_was_ordered(config: Config, clock: VirtualClock) -> None:
    first = build(config, clock=clock, threaded=False)
    ecr = aws_of(first)("ecr")
    ecr.create_repository(repositoryName="app")
    ecr.put_signing_configuration(signingConfiguration=rules(PROFILE))
    digest = image(ecr, "v1")
    first.close()
    second = build(config, clock=clock, threaded=False)
    ecr = aws_of(second)("ecr")
    second.start()
    second.plane.settle()
    assert status(ecr, "v1") == [(PROFILE, "COMPLETE")]
    assert len(signatures(second, ecr, digest)) == 1
    second.close()


@pytest.fixture
def enforcing(config: Config, clock: VirtualClock) -> Iterator[Emulator]:
    emulator = build(replace(config, enforce_iam=True), clock=clock, threaded=False)
    yield emulator
    emulator.close()


def test_who_pushes_must_be_allowed_to_sign(enforcing: Emulator) -> None:
    aws = aws_of(enforcing)
    iam, owner = aws("iam"), aws("ecr")
    owner.create_repository(repositoryName="app")
    owner.put_signing_configuration(signingConfiguration=rules(PROFILE))
    iam.create_user(UserName="ci")
    key = iam.create_access_key(UserName="ci")["AccessKey"]
    ci = aws("ecr", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])

    def allow(*actions: str) -> None:
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}}
        iam.put_user_policy(UserName="ci", PolicyName="all", PolicyDocument=json.dumps(document))

    allow("ecr:*")
    image(ci, "v1")
    [one] = ci.describe_image_signing_status(repositoryName="app", imageId={"imageTag": "v1"})["signingStatuses"]
    assert (one["status"], one["failureCode"]) == ("FAILED", "AccessDenied")
    assert f"signer:SignPayload on resource: {PROFILE}" in one["failureReason"]
    allow("ecr:*", "signer:SignPayload")
    image(ci, "v2")  # pushed anew, it is tried again
    enforcing.plane.settle()
    assert status(ci, "v2") == [(PROFILE, "COMPLETE")]
