"""Keys and certificates of the emulator's own signing authority: made, and signed with.

Keys are DER (PKCS #8) and certificates DER, so that who keeps them need not know cryptography. What is signed is not
known here. Source: Notary Project, "Signature specification", certificate requirements; RFC 7518 for ES384.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ALGORITHM = "ES384"
_NUMBER_BYTES = 48  # of each half of a signature on secp384r1
_BACKDATED = timedelta(days=1)
_ROOT_VALID, _PROFILE_VALID = timedelta(days=7300), timedelta(days=4108)  # a profile's: 135 months, Signer's default


def make_root(now: float) -> tuple[bytes, bytes]:
    """Key and certificate of an authority. `now`: seconds since the epoch."""
    key, name = ec.generate_private_key(ec.SECP384R1()), _name("Homeport signing root", "")
    certificate = (
        _builder(name, name, key.public_key(), now, _ROOT_VALID)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_content=False), critical=True)
        .sign(key, hashes.SHA384())
    )
    return _key_bytes(key), certificate.public_bytes(serialization.Encoding.DER)


def make_signer(root_key: bytes, root: bytes, name: str, account: str, now: float) -> tuple[bytes, bytes]:
    """Key and certificate, by the authority, of who signs content under that name."""
    key, issuer = ec.generate_private_key(ec.SECP384R1()), x509.load_der_x509_certificate(root)
    certificate = (
        _builder(_name(name, account), issuer.subject, key.public_key(), now, _PROFILE_VALID)
        .add_extension(_usage(signs_content=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .sign(_key(root_key), hashes.SHA384())
    )
    return _key_bytes(key), certificate.public_bytes(serialization.Encoding.DER)


def sign(key: bytes, content: bytes) -> bytes:
    """ES384 as JWS has it: both numbers, one after the other."""
    halves = decode_dss_signature(_key(key).sign(content, ec.ECDSA(hashes.SHA384())))
    return b"".join(number.to_bytes(_NUMBER_BYTES, "big") for number in halves)


def pem(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).public_bytes(serialization.Encoding.PEM)


def _key(der: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_der_private_key(der, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(common_name: str, account: str) -> x509.Name:
    """Verifiers of the Notary Project want a country, a state and an organization."""
    parts = [
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.STATE_OR_PROVINCE_NAME, "WA"),
        (NameOID.ORGANIZATION_NAME, "Homeport"),
        *([(NameOID.ORGANIZATIONAL_UNIT_NAME, account)] if account else []),
        (NameOID.COMMON_NAME, common_name[:64]),
    ]
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: float, valid: timedelta
) -> x509.CertificateBuilder:
    begin = datetime.fromtimestamp(now, UTC) - _BACKDATED
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + valid)
    )


def _usage(*, signs_content: bool) -> x509.KeyUsage:
    """Of who signs content; of an authority, which signs certificates."""
    return x509.KeyUsage(
        digital_signature=signs_content,
        key_cert_sign=not signs_content,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
