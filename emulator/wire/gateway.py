"""A whole request: identify, authenticate, parse, validate, call, render. Nothing in here knows a service by name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.clock import Clock
from emulator.domain.errors import AwsError, NotEmulatedYet
from emulator.domain.region import partition_of
from emulator.ids import Ids
from emulator.store.database import CannotWrite, Database, DatabaseClosed
from emulator.wire.authenticate import Authenticator
from emulator.wire.authorize import check_allowed, request_conditions
from emulator.wire.call import Call, Facts, Parts
from emulator.wire.errors import (
    DryRunOperation,
    InternalFailure,
    RequestEntityTooLarge,
    SerializationException,
    ServiceUnavailable,
    ThrottlingException,
    UnknownOperationException,
    from_violations,
    to_wire,
)
from emulator.wire.identify import Identified, Identifier
from emulator.wire.operations import Operation, Services
from emulator.wire.protocols import cbor, ec2, json, query
from emulator.wire.protocols.foreign import foreign_error
from emulator.wire.render import WrongAnswer
from emulator.wire.request import HttpRequest, HttpResponse
from emulator.wire.unread import UnreadMembers
from emulator.wire.validate import Findings, Mistyped

_log = logging.getLogger("homeport.wire")

MAXIMUM_BODY = 4 * 1024 * 1024

Observer = Callable[[str, str, str | None], None]
"""Told (service, operation, error code or None) after each call; tests and the coverage table listen."""

Throttles = Callable[[str, str], str | None]
"""Asked with (service, operation) whether a call is one too many: who says so, or None."""


@dataclass(slots=True)
class Gateway:
    """`strict` makes a wrong answer of ours an error instead of a log line with the member left out."""

    services: Services
    database: Database
    clock: Clock
    ids: Ids
    facts: Facts
    parts: Parts
    authenticator: Authenticator
    observer: Observer | None = None
    throttles: Throttles | None = None
    unread: UnreadMembers | None = None

    def __post_init__(self) -> None:
        self._identifier = Identifier(self.services)
        self.unread = self.unread or UnreadMembers()

    _identifier: Identifier | None = None

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Never raises: whatever goes wrong is an answer in the caller's protocol."""
        request_id = self.ids.uuid()
        identified: Identified | None = None
        try:
            identified = self._identify(request)
            return self._answer(identified, request, request_id)
        except ThrottlingException as error:
            response = self._refuse(error, identified, request, request_id)
            response.headers.append(("x-homeport-warning", f"throttled on demand by {error.fault}"))
            return response
        except AwsError as error:
            return self._refuse(error, identified, request, request_id)
        except DatabaseClosed:
            return self._refuse(ServiceUnavailable("Homeport is shutting down."), identified, request, request_id)
        except CannotWrite as error:
            _log.error("request %s was not kept: %s", request_id, error)
            return self._refuse(ServiceUnavailable(str(error)), identified, request, request_id)
        except Exception:  # noqa: BLE001 - the last line of defence: a bug becomes a logged 500
            _log.exception("request %s failed", request_id)
            text = f"Homeport failed; its log has the details under request id {request_id}."
            return self._refuse(InternalFailure(text), identified, request, request_id)

    def _identify(self, request: HttpRequest) -> Identified:
        assert self._identifier is not None
        target = request.header("X-Amz-Target")
        service = self._identifier.service_of_target(request)
        limit = int(service.api.overlay.get("max_body", MAXIMUM_BODY)) if service else MAXIMUM_BODY
        body = request.read_body(limit)
        if len(body) > limit:
            raise RequestEntityTooLarge(f"Request size exceeds {limit} bytes.")
        if cbor.is_spoken(request):
            return self._identifier.cbor(request, body)
        if target is not None:
            return self._identifier.json(target, request, body)
        return self._identifier.query(request, body)

    def _answer(self, identified: Identified, request: HttpRequest, request_id: str) -> HttpResponse:
        service, name = identified.service, identified.operation
        caller = self.authenticator.caller(identified.scope, request, identified.body, self.clock.now())
        operation = service.operation(name)
        if operation is None:
            if service.knows(name):
                raise NotEmulatedYet(f"Homeport does not emulate {service.api.name}:{name} yet.")
            raise UnknownOperationException(f"The action {name[:200]} is not valid for {service.api.name}.")
        if self.throttles is not None and (fault := self.throttles(service.api.name, name)) is not None:
            raise ThrottlingException("Rate exceeded", fault)
        members, unknown = self._read(identified, operation)
        call = Call(
            service=service.api.name,
            operation=name,
            account=caller.account,
            region=identified.scope.region,
            partition=partition_of(identified.scope.region),
            caller=caller,
            request_id=request_id,
            now=self.clock.now(),
            ids=self.ids,
            facts=self.facts,
            parts=self.parts,
            reader=None,  # type: ignore[arg-type]  # set for the length of the transaction
            paging=operation.paging,
        )
        if self.facts.roles_must_exist:
            call.conditions = request_conditions(request, identified.scope.region, call.now)
        if self.facts.enforce_iam:
            with self.database.read() as call.reader:
                check_allowed(call, service.authorization, members)
        assert self.unread is not None
        tracked = self.unread.track(members)
        answer = self._call(operation, call, tracked)
        response = self._render(identified, operation, answer, request_id)
        self.unread.report(service.api.name, name, tracked, unknown, call)
        for text in call.warnings:
            response.headers.append(("x-homeport-warning", _header_safe(text)))
        if self.observer is not None:
            self.observer(service.api.name, name, None)
        return response

    def _read(self, identified: Identified, operation: Operation) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
        if identified.is_cbor:
            raw = cbor.parse(identified.body)
        elif identified.form is None:
            raw = json.parse(identified.body)
        else:
            protocol = ec2 if identified.service.api.protocol == "ec2" else query
            raw = protocol.parse(identified.form, operation.model)
        if type(raw) is not dict:
            raise SerializationException("The request body must be a JSON object.")
        if operation.read is None:
            return {}, []
        found = Findings()
        try:
            members = operation.read(raw, (), found)
        except Mistyped as error:
            raise SerializationException(str(error)) from error
        except TimeoutError as error:
            raise SerializationException("A value takes too long to match its pattern.") from error
        if found.violations:
            raise from_violations(identified.service.api, operation.name, found.violations)
        return members, found.unknown

    def _call(self, operation: Operation, call: Call, members: dict[str, Any]) -> Mapping[str, Any]:
        if operation.slow:
            return operation.function(call, members) or {}
        if operation.reads_only:
            with self.database.read() as reader:
                call.reader = reader
                return _done(operation.function(call, members), members)
        with self.database.write() as transaction:
            call.reader = transaction
            return _done(operation.function(call, members), members)

    def _render(
        self, identified: Identified, operation: Operation, answer: Mapping[str, Any], request_id: str
    ) -> HttpResponse:
        if operation.write is None:
            if answer:
                raise WrongAnswer(f"{operation.name} answers nothing, got {sorted(answer)}")
            written: dict[str, Any] = {}
        else:
            written = operation.write(answer, operation.name)
        if identified.is_cbor:
            return cbor.serialize(written, operation.model.output_shape, request_id)
        if identified.json_version is not None:
            return json.serialize(written, request_id, identified.json_version)
        if identified.service.api.protocol == "ec2":
            return ec2.serialize(dict(answer), operation.model, request_id)
        return query.serialize(dict(answer), operation.model, request_id)

    def _refuse(
        self, error: AwsError, identified: Identified | None, request: HttpRequest, request_id: str
    ) -> HttpResponse:
        assert self._identifier is not None
        service = identified.service if identified else self._identifier.service_of_target(request)
        api = service.api if service else None
        is_cbor = cbor.is_spoken(request)
        is_query = not is_cbor and (identified.json_version is None if identified else _looks_like_query(request))
        wired = to_wire(error, api, query=is_query)
        if identified is not None and self.observer is not None:
            self.observer(identified.service.api.name, identified.operation, wired.code)
        if is_cbor:
            return cbor.serialize_error(wired, request_id)
        if api is not None and api.protocol == "ec2":
            return ec2.serialize_error(wired, request_id)
        if identified is None and (foreign := foreign_error(wired, request, request_id)) is not None:
            return foreign
        if is_query:
            namespace = api.model.metadata.get("xmlNamespace", "") if api else ""
            return query.serialize_error(wired, namespace, request_id)
        version = "1.0" if "json-1.0" in (request.header("Content-Type") or "") else "1.1"
        return json.serialize_error(wired, request_id, version)


def _done(answer: Mapping[str, Any] | None, members: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer; with EC2's DryRun what it would have been, and nothing is kept."""
    if members.get("DryRun"):
        raise DryRunOperation("Request would have succeeded, but DryRun flag is set.")
    return answer or {}


def _looks_like_query(request: HttpRequest) -> bool:
    if request.header("X-Amz-Target") is not None:
        return False
    kind = request.header("Content-Type") or ""
    return "x-www-form-urlencoded" in kind or "Action=" in request.query


def _header_safe(text: str) -> str:
    return "".join(c if 0x20 <= ord(c) < 0x7F else "?" for c in text)[:1000]
