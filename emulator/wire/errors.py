"""Errors as the wire knows them: which code, which HTTP status, which words for a broken constraint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api_models import ApiModel
from emulator.domain.errors import AwsError
from emulator.wire.validate import Violation


class UnknownOperationException(AwsError):
    """No such operation, or no target at all."""


class SerializationException(AwsError):
    """The body cannot be read."""


class MissingAuthenticationTokenException(AwsError):
    """No Authorization header."""


class IncompleteSignatureException(AwsError):
    """An Authorization header that is not AWS's Signature Version 4."""


class UnrecognizedClientException(AwsError):
    """An access key nobody knows (`--auth strict`)."""


class InvalidSignatureException(AwsError):
    """A signature that does not fit its secret key (`--auth strict`)."""


class ExpiredTokenException(AwsError):
    """Temporary credentials past their end (`--auth strict`)."""


class RequestExpired(AwsError):
    """A signature made too long ago, or too far ahead (`--auth strict`)."""


class RequestEntityTooLarge(AwsError):
    """A body past the service's bound."""


class UnauthorizedOperation(AwsError):
    """EC2's AccessDenied."""


class DryRunOperation(AwsError):
    """EC2: the caller asked only whether it would have worked."""


class ThrottlingException(AwsError):
    """One call too many; here only by a fault on demand."""

    def __init__(self, message: str, fault: str) -> None:
        super().__init__(message)
        self.fault = fault


class ServiceUnavailable(AwsError):
    """Homeport ends while the request is under way."""


class InternalFailure(AwsError):
    """Our own fault."""


_STATUS = {
    "RequestEntityTooLarge": 413,
    "InternalFailure": 500,
    "ServiceUnavailable": 503,
    "AccessDenied": 403,
    "DryRunOperation": 412,
    "UnauthorizedOperation": 403,
    "RequestLimitExceeded": 503,
}
_QUERY_STATUS = {
    "MissingAuthenticationToken": 403,
    "IncompleteSignature": 403,
    "InvalidClientTokenId": 403,
    "SignatureDoesNotMatch": 403,
    "ExpiredToken": 403,
}
_QUERY_CODES = {
    "UnknownOperationException": "InvalidAction",
    "SerializationException": "MalformedInput",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "ExpiredTokenException": "ExpiredToken",
    "AccessDeniedException": "AccessDenied",
    "ThrottlingException": "Throttling",
}


@dataclass(frozen=True, slots=True)
class WireError:
    """What the answer will carry."""

    code: str
    status: int
    message: str
    members: dict[str, Any]
    message_member: str = "message"


def to_wire(error: AwsError, api: ApiModel | None, *, query: bool) -> WireError:
    """The service's model decides the status; codes outside it are AWS's common errors, 400 in JSON services."""
    code = _QUERY_CODES.get(error.code, error.code) if query else error.code
    if code == "Throttling" and api is not None and api.protocol == "ec2":
        # Amazon EC2 API reference, "Error codes for the Amazon EC2 API".
        return WireError("RequestLimitExceeded", 503, "Request limit exceeded.", {})
    status = _QUERY_STATUS.get(code) if query else None
    member = "message"
    if api is not None:
        for shape in api.model.error_shapes:
            details = shape.metadata.get("error", {})
            if code in (shape.name, details.get("code")):
                code = details.get("code", shape.name) if query else shape.name
                status = int(details.get("httpStatusCode", 500 if shape.metadata.get("fault") else 400))
                member = next((name for name in shape.members if name.lower() == "message"), "message")
                break
    return WireError(code, status or _STATUS.get(code, 400), error.message, dict(error.members), member)


def from_violations(api: ApiModel, operation: str, violations: list[Violation]) -> AwsError:
    """The service's own error for constraints that a request breaks."""
    messages = api.overlay.get("messages", {})
    for violation in violations:
        named = ".".join(part for part in violation.path if not part.isdigit() and part != "member")
        own = messages.get(f"{operation}.{named}.{violation.kind}")
        if own is not None:
            return _named(own[0], own[1])
    rule = api.overlay.get("validation", {})
    code = rule.get("code", "ValidationException")
    style = rule.get("style", "coral")
    if style == "ecr":
        return _named(code, _ecr_text(violations[0]))
    if style == "ec2":
        return _ec2_error(violations[0])
    plural = "s" if len(violations) > 1 else ""
    texts = "; ".join(_coral_text(violation) for violation in violations)
    return _named(code, f"{len(violations)} validation error{plural} detected: {texts}")


def _named(code: str, message: str) -> AwsError:
    return _error_class(code)(message)


def invalid_token(api: ApiModel) -> AwsError:
    code, message = api.overlay.get("invalid_token", ["ValidationException", "Invalid pagination token."])
    return _named(code, message)


def page_too_small(api: ApiModel, operation: str, member: str, size: int) -> AwsError:
    """For a size of less than 1 where the model states no lower bound."""
    if any(shape.name == "InvalidParameterException" for shape in api.model.error_shapes):
        return _named("InvalidParameterException", f"{member} must be at least 1.")
    return from_violations(api, operation, [Violation("min", (member,), size, 1)])


_classes: dict[str, type[AwsError]] = {}


def _error_class(code: str) -> type[AwsError]:
    known = _classes.get(code)
    if known is None:
        known = _classes[code] = type(code, (AwsError,), {"code": code})
    return known


def _constraint(violation: Violation) -> str:
    """The words of AWS's validator."""
    match violation.kind:
        case "required":
            return "Member must not be null"
        case "min_length":
            return f"Member must have length greater than or equal to {violation.bound}"
        case "max_length":
            return f"Member must have length less than or equal to {violation.bound}"
        case "min":
            return f"Member must have value greater than or equal to {violation.bound}"
        case "max":
            return f"Member must have value less than or equal to {violation.bound}"
        case "enum":
            return f"Member must satisfy enum value set: [{', '.join(violation.bound)}]"
        case "pattern":
            return f"Member must satisfy regular expression pattern: {violation.bound}"
    raise AssertionError(violation.kind)


def _coral_text(violation: Violation) -> str:
    """AWS prints members in lowerCamel, and of a sensitive one not the value."""
    path = ".".join(part[:1].lower() + part[1:] for part in violation.path)
    if violation.sensitive:
        shown = "Value"
    else:
        shown = "Value null" if violation.value is None else f"Value '{_short(violation.value)}'"
    return f"{shown} at '{path}' failed to satisfy constraint: {_constraint(violation)}"


def _ec2_error(violation: Violation) -> AwsError:
    """EC2 names one parameter at a time, in lowerCamel (the wording of bounds is unconfirmed)."""
    name = ".".join(part[:1].lower() + part[1:] for part in violation.path if part != "member")
    if violation.kind == "required":
        return _named("MissingParameter", f"The request must contain the parameter {name}")
    if violation.kind == "enum":
        return _named("InvalidParameterValue", f"Invalid value '{_short(violation.value)}' for {name}.")
    shown = _short(violation.value)
    return _named(
        "InvalidParameterValue", f"Value ( {shown} ) for parameter {name} is invalid. {_constraint(violation)}"
    )


def _ecr_text(violation: Violation) -> str:
    path = ".".join(part for part in violation.path if part != "member")
    words = _constraint(violation)
    if violation.kind == "pattern":
        words = f"must satisfy regular expression '{violation.bound}'"
    return f"Invalid parameter at '{path}' failed to satisfy constraint: '{words}'"


def _short(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = str(value)
    return text if len(text) <= 512 else text[:512] + "..."
