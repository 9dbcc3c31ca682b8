"""The name server of tasks: names of their VPC's private namespaces, all others asked outside; as DNS messages."""

from __future__ import annotations

from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from emulator.control.discovery.cloud_map import TOO_EARLY
from emulator.control.networks.name_servers import name_servers
from emulator.task_endpoints.names import NameServer
from tests.conftest import call_wsgi, make_environ
from tests.control.test_service_discovery import create, discovery_service, instances
from tests.control.world import World, container


class Names:
    """Asks as the pause program of the task `asker` does. `outside` answers all other names with an address."""

    def __init__(self, world: World) -> None:
        self.asker: str | None = None
        self.asked_outside: list[str] = []
        self.outside_answers = True
        emulator = world.emulator
        self.server = NameServer(
            emulator.database, emulator.clock, emulator.ids, lambda environ: self.asker, self._outside
        )

    def _outside(self, query: dns.message.Message) -> dns.message.Message | None:
        name = query.question[0].name.to_text()
        self.asked_outside.append(name)
        if not self.outside_answers:
            return None
        answer = dns.message.make_response(query)
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1"))
        return answer

    def post(self, body: bytes, query: str = "", method: str = "POST") -> tuple[int, bytes]:
        environ = make_environ(method, "/dns-query", body, {"Content-Type": "application/dns-message"}, query)
        status, headers, answer = call_wsgi(self.server, environ)
        assert headers["Content-Type"] == "application/dns-message"
        return status, answer

    def ask(self, name: str, kind: str = "A", query: str = "") -> dns.message.Message:
        asked = dns.message.make_query(name, kind, use_edns=False)
        status, answer = self.post(asked.to_wire(), query)
        told = dns.message.from_wire(answer)
        assert status == 200 and told.id == asked.id and told.flags & dns.flags.QR and told.flags & dns.flags.RA
        return told


def values(message: dns.message.Message) -> list[str]:
    return sorted(str(item) for rrset in message.answer for item in rrset)


@pytest.fixture
def names(world: World) -> Names:
    """A service `web` with two tasks in example.local; the first asks."""
    world.image()
    world.define(container())
    create(world, discovery_service(world, "A"))
    world.settle()
    names = Names(world)
    names.asker = sorted(instances(world))[0]
    return names


def test_a_name_leads_to_the_tasks_of_a_service(world: World, names: Names) -> None:
    told = names.ask("WEB.example.local")
    assert told.rcode() == dns.rcode.NOERROR and told.flags & dns.flags.AA
    assert [rrset.ttl for rrset in told.answer] == [10]
    assert values(told) == sorted(i["Attributes"]["AWS_INSTANCE_IPV4"] for i in instances(world).values())
    assert str(told.answer[0].name) == "WEB.example.local."
    assert names.ask("nope.example.local").rcode() == dns.rcode.NXDOMAIN
    nothing = names.ask("web.example.local", "AAAA")
    assert (nothing.rcode(), nothing.answer) == (dns.rcode.NOERROR, [])
    assert nothing.authority[0].rdtype == dns.rdatatype.SOA
    world.ecs.update_service(service="web", desiredCount=0)
    world.pass_time(60)
    assert names.ask("web.example.local").rcode() == dns.rcode.NXDOMAIN
    assert names.asked_outside == []


def test_other_names_are_asked_outside(names: Names) -> None:
    assert values(names.ask("example.com")) == ["192.0.2.1"]
    names.outside_answers = False
    assert names.ask("example.com").rcode() == dns.rcode.SERVFAIL
    names.asker = "0" * 32
    names.ask("web.example.local")
    names.asker = None
    names.ask("web.example.local")
    assert names.asked_outside == ["example.com.", "example.com.", "web.example.local.", "web.example.local."]


def test_an_alias_is_followed(world: World, names: Names) -> None:
    client = world.aws("servicediscovery")
    [namespace] = client.list_namespaces()["Namespaces"]
    dns_config = {"RoutingPolicy": "WEIGHTED", "DnsRecords": [{"Type": "CNAME", "TTL": 5}]}
    for name, target in (("near", "web.example.local"), ("far", "example.com")):
        made = client.create_service(Name=name, NamespaceId=namespace["Id"], DnsConfig=dns_config)["Service"]
        client.register_instance(ServiceId=made["Id"], InstanceId="i", Attributes={"AWS_INSTANCE_CNAME": target})
    world.settle()
    near = names.ask("near.example.local")
    assert [dns.rdatatype.to_text(r.rdtype) for r in near.answer] == ["CNAME", "A"] and len(near.answer[1]) == 2
    assert values(names.ask("far.example.local")) == ["192.0.2.1", "example.com."]
    assert values(names.ask("far.example.local", "CNAME")) == ["example.com."]


def test_what_does_not_fit_a_datagram_is_cut(world: World, names: Names) -> None:
    client = world.aws("servicediscovery")
    [namespace] = client.list_namespaces()["Namespaces"]
    records = {"DnsRecords": [{"Type": "SRV", "TTL": 5}]}
    made = client.create_service(Name="_big._tcp", NamespaceId=namespace["Id"], DnsConfig=records)["Service"]
    for number in range(8):
        client.register_instance(
            ServiceId=made["Id"], InstanceId=f"{'x' * 50}-{number}",
            Attributes={"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "80"},
        )  # fmt: skip
    world.settle()
    cut = names.ask("_big._tcp.example.local", "SRV", "transport=udp")
    assert cut.flags & dns.flags.TC
    whole = names.ask("_big._tcp.example.local", "SRV")
    assert not whole.flags & dns.flags.TC and len(values(whole)) == 8 and len(whole.additional) == 8


def test_what_is_no_question_is_refused(names: Names) -> None:
    assert names.post(b"\0" * 5)[0] == 400
    query = dns.message.make_query("web.example.local", "A")
    assert names.post(query.to_wire(), method="GET")[0] == 400
    query.flags |= dns.flags.QR
    assert names.post(query.to_wire())[0] == 400
    other = dns.message.make_query("web.example.local", "A", rdclass="CH")
    assert dns.message.from_wire(names.post(other.to_wire())[1]).rcode() == dns.rcode.NOTIMP


def test_tasks_that_ran_before_are_told_that_they_resolve_nothing(world: World) -> None:
    world.image()
    world.define(container())
    world.ecs.create_service(
        serviceName="early", taskDefinition="web", desiredCount=1, launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-aaaa"]}},
    )  # fmt: skip
    world.settle()
    create(world, discovery_service(world, "A"), desiredCount=1)
    world.settle()
    assert _warnings(world, "early") == [TOO_EARLY]
    assert TOO_EARLY not in _warnings(world, "web")


def _warnings(world: World, service: str) -> list[str]:
    from emulator.store.ecs_tables import TASKS

    with world.emulator.database.read() as reader:
        return [text for task in reader.find(TASKS) if task.service == service for text in task.warnings]


def test_the_name_servers_of_this_host(tmp_path: Any) -> None:
    own, systemd = tmp_path / "resolv.conf", tmp_path / "systemd.conf"
    assert name_servers([own, systemd]) == ()
    own.write_text("search x\nnameserver 127.0.0.53\nnameserver ::1\n")
    assert name_servers([own, systemd]) == ()
    systemd.write_text("nameserver 10.0.0.1\n nameserver 10.0.0.2\nnameserver 10.0.0.3\n")
    assert name_servers([own, systemd]) == ("10.0.0.1", "10.0.0.2")
