"""The name server of tasks whose VPC has private namespaces of AWS Cloud Map. A WSGI application, asked as RFC 8484
has it: the task's pause program sends here what its containers ask 169.254.170.2:53.

Names of those namespaces are answered here, from what is registered at this moment; all others are asked of the name
servers of this host, with a deadline, as the VPC's own resolver would.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset

from emulator.clock import Clock
from emulator.domain.discovery.names import Answer, Record, resolve
from emulator.ids import Ids
from emulator.store.database import Database
from emulator.store.discovery import zone_in
from emulator.store.ecs_queries import task_by_id

PATIENCE_S: Final = 1.0
"""How long one of this host's name servers has; two are asked at most."""
_SERVERS_ASKED: Final = 2
_MOST_ALIASES: Final = 8
_TASKS_REMEMBERED: Final = 4096
_MESSAGE: Final = "application/dns-message"
_MOST_BYTES: Final = 65535
_SMALLEST: Final = 512  # what every client takes over UDP

Environ = dict[str, Any]
Place = tuple[str, str, str]
"""Account, region and VPC of a task."""
Outside = Callable[[dns.message.Message], dns.message.Message | None]


class NameServer:
    """`caller` tells the id of the task that a request is from; `outside` answers for all other names."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        caller: Callable[[Environ], str | None],
        outside: Outside | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._caller = caller
        self._outside = outside or ask_outside
        self._places: OrderedDict[str, Place] = OrderedDict()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        try:
            query = dns.message.from_wire(environ["wsgi.input"].read(min(length, _MOST_BYTES)))
        except dns.exception.DNSException:
            return _told(start_response, "400 Bad Request", b"")
        if environ["REQUEST_METHOD"] != "POST" or query.flags & dns.flags.QR:
            return _told(start_response, "400 Bad Request", b"")
        answer = self._answer(query, self._place(self._caller(environ)))
        most = max(query.payload, _SMALLEST) if "transport=udp" in environ.get("QUERY_STRING", "") else _MOST_BYTES
        return _told(start_response, "200 OK", answer.to_wire(max_size=most, prefer_truncation=True))

    def _answer(self, query: dns.message.Message, place: Place | None) -> dns.message.Message:
        question = query.question[0] if len(query.question) == 1 else None
        if question is None or question.rdclass != dns.rdataclass.IN or query.opcode() != dns.opcode.QUERY:
            return _response(query, dns.rcode.NOTIMP)
        kind = dns.rdatatype.to_text(question.rdtype)
        found = self._look_up(place, question.name.to_text(omit_final_dot=True), kind)
        if found is None:
            return _given_back(query, self._outside(query))
        response = _response(query, dns.rcode.from_text(found.code))
        response.flags |= dns.flags.AA
        _add(response.answer, found.answer)
        _add(response.authority, found.authority)
        _add(response.additional, found.additional)
        self._follow_alias(response, place, kind)
        return response

    def _look_up(self, place: Place | None, name: str, kind: str) -> Answer | None:
        """None for a name of no private namespace of the VPC."""
        if place is None:
            return None
        with self._database.read() as reader:
            zone = zone_in(reader, *place, name)
        return resolve(name, kind, zone, self._clock.now(), self._ids.pick) if zone is not None else None

    def _follow_alias(self, response: dns.message.Message, place: Place | None, kind: str) -> None:
        """What an alias leads to belongs into the answer: clients do not ask again."""
        for _ in range(_MOST_ALIASES):
            last = response.answer[-1] if response.answer else None
            if last is None or last.rdtype != dns.rdatatype.CNAME or kind in ("CNAME", "ANY"):
                return
            target: dns.name.Name = last[0].target
            found = self._look_up(place, target.to_text(omit_final_dot=True), kind)
            if found is not None:
                if not found.answer:
                    return
                _add(response.answer, found.answer)
                continue
            told = self._outside(dns.message.make_query(target, kind))
            response.answer += told.answer if told is not None else []
            return

    def _place(self, task_id: str | None) -> Place | None:
        """It never changes, so that it is looked up once for each task."""
        if task_id is None:
            return None
        known = self._places.get(task_id)
        if known is None:
            with self._database.read() as reader:
                task = task_by_id(reader, task_id)
            if task is None or task.eni is None:
                return None
            known = self._places[task_id] = (task.account, task.region, task.eni.vpc_id)
            while len(self._places) > _TASKS_REMEMBERED:
                self._places.popitem(last=False)
        return known


def ask_outside(query: dns.message.Message) -> dns.message.Message | None:
    """What a name server of this host says; None when it has none, or none answers in time."""
    try:
        servers = dns.resolver.Resolver().nameservers
    except dns.resolver.NoResolverConfiguration:
        return None
    for server in servers[:_SERVERS_ASKED]:
        try:
            answer, _ = dns.query.udp_with_fallback(query, str(server), timeout=PATIENCE_S)
        except (dns.exception.DNSException, OSError):
            continue
        return answer
    return None


def _given_back(query: dns.message.Message, told: dns.message.Message | None) -> dns.message.Message:
    if told is None:
        return _response(query, dns.rcode.SERVFAIL)
    response = _response(query, told.rcode())
    response.answer, response.authority = told.answer, told.authority
    return response


def _response(query: dns.message.Message, code: int) -> dns.message.Message:
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(dns.rcode.Rcode(code))
    return response


def _add(section: list[dns.rrset.RRset], records: Sequence[Record]) -> None:
    """Records of one name and type are one set."""
    sets: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        sets.setdefault((record.name, record.type), []).append(record)
    for (name, kind), each in sets.items():
        values = [record.value for record in each]
        section.append(dns.rrset.from_text(f"{name}.", each[0].ttl, "IN", kind, *values))


def _told(start_response: Callable[..., Any], status: str, body: bytes) -> Iterable[bytes]:
    start_response(status, [("Content-Type", _MESSAGE), ("Content-Length", str(len(body)))])
    return [body]
