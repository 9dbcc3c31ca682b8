"""What DNS answers in a VPC with private namespaces: which records, how many, and how nothing is said."""

from __future__ import annotations

import random

from emulator.domain.discovery.instance import Instance
from emulator.domain.discovery.names import Answer, Record, Zone, resolve, zone_of
from emulator.domain.discovery.namespace import Namespace
from emulator.domain.discovery.service import DiscoveryService, DnsConfig, DnsRecord

CHANCE = random.Random(1)


def namespace(name: str = "example.local") -> Namespace:
    return Namespace("1", "r", f"ns-{name}", "arn", name, "DNS_PRIVATE", 0.0, name, vpc_id="vpc-1", soa_ttl=20)


def service(*types: str, name: str = "web", policy: str = "MULTIVALUE") -> DiscoveryService:
    records = tuple(DnsRecord(kind, 10) for kind in types)  # type: ignore[arg-type]
    return DiscoveryService(
        "1", "r", f"srv-{name}", "arn", "ns", name, 0.0, "DNS_HTTP",
        DnsConfig(records, policy),  # type: ignore[arg-type]
    )  # fmt: skip


def instance(number: int, healthy: bool | None = None, **attributes: str) -> Instance:
    given = {"AWS_INSTANCE_IPV4": f"10.0.0.{number}", "AWS_INSTANCE_PORT": "80", **attributes}
    return Instance("1", "r", "srv", f"i{number}", 0.0, given, healthy)


def ask(name: str, kind: str, *services: tuple[DiscoveryService, list[Instance]]) -> Answer:
    return resolve(name, kind, Zone(namespace(), services), 0.0, CHANCE.randrange)


def values(answer: Answer) -> list[str]:
    return sorted(record.value for record in answer.answer)


def test_a_name_leads_to_up_to_eight_healthy_instances() -> None:
    web = service("A")
    assert ask("Web.Example.Local.", "A", (web, [instance(1)])).answer == (
        Record("Web.Example.Local", 10, "A", "10.0.0.1"),
    )
    many = [instance(n) for n in range(1, 12)]
    found = values(ask("web.example.local", "A", (web, many)))
    assert len(set(found)) == 8
    mixed = [instance(1, True), instance(2, False), instance(3, True)]
    assert values(ask("web.example.local", "A", (web, mixed))) == ["10.0.0.1", "10.0.0.3"]
    sick = [instance(1, False), instance(2, False)]
    assert values(ask("web.example.local", "A", (web, sick))) == ["10.0.0.1", "10.0.0.2"]


def test_weighted_is_one_of_them() -> None:
    web = service("A", policy="WEIGHTED")
    many = [instance(1, True), instance(2, True), instance(3, False)]
    told = {tuple(values(ask("web.example.local", "A", (web, many)))) for _ in range(50)}
    assert told == {("10.0.0.1",), ("10.0.0.2",)}


def test_srv_names_hosts_that_have_addresses() -> None:
    web = service("SRV", name="_web._tcp")
    answer = ask("_web._tcp.example.local", "SRV", (web, [instance(1)]))
    assert values(answer) == ["1 1 80 i1._web._tcp.example.local."]
    assert answer.additional == (Record("i1._web._tcp.example.local", 10, "A", "10.0.0.1"),)
    assert values(ask("i1._web._tcp.example.local", "A", (web, [instance(1)]))) == ["10.0.0.1"]
    nothing = ask("i1._web._tcp.example.local", "AAAA", (web, [instance(1)]))
    assert (nothing.code, nothing.answer) == ("NOERROR", ()) and nothing.authority
    assert ask("_tcp.example.local", "A", (web, [instance(1)])).code == "NOERROR"


def test_an_alias_answers_whatever_is_asked() -> None:
    web = service("CNAME", policy="WEIGHTED")
    answer = ask("web.example.local", "A", (web, [instance(1, AWS_INSTANCE_CNAME="other.example.com")]))
    assert [(r.type, r.value) for r in answer.answer] == [("CNAME", "other.example.com.")]


def test_what_is_not_there() -> None:
    soa = "ns-1536.awsdns-00.co.uk. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 20"
    web = (service("A"), [instance(1)])
    for answer in (ask("nope.example.local", "A", web), ask("web.example.local", "A", (service("A"), []))):
        assert (answer.code, answer.answer) == ("NXDOMAIN", ())
        assert answer.authority == (Record("example.local", 20, "SOA", soa),)
    other_type = ask("web.example.local", "AAAA", web)
    assert (other_type.code, other_type.answer) == ("NOERROR", ()) and other_type.authority[0].type == "SOA"
    assert values(ask("example.local", "SOA")) == [soa]
    assert values(ask("example.local", "NS")) == ["ns-1536.awsdns-00.co.uk."]
    assert ask("example.local", "A").answer == ()


def test_the_nearest_zone_answers() -> None:
    outer, inner = namespace("local"), namespace("example.local")
    assert zone_of("web.Example.local.", [outer, inner]) == inner
    assert zone_of("other.local", [outer, inner]) == outer
    assert zone_of("notlocal", [outer, inner]) is None
