"""What the names of a namespace come to, for any services in it, and what a configuration must not say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.errors import ClientException, InvalidParameterException, NotEmulatedYet
from emulator.domain.service_connect.configuration import check_network_mode, check_unchanged, endpoints_of
from emulator.domain.service_connect.endpoint import Connected, Endpoint, client_aliases, host_names, taken_alias

DEFINITION = {
    "networkMode": "awsvpc",
    "containerDefinitions": [
        {
            "name": "app",
            "portMappings": [
                {"name": "http", "containerPort": 8080, "appProtocol": "http"},
                {"name": "db", "containerPort": 5432},
                {"name": "dns", "containerPort": 53, "protocol": "udp"},
                {"name": "many", "containerPortRange": "9000-9010"},
            ],
        }
    ],
}


def offer(name: str, port: int = 80, **members: Any) -> Endpoint:
    return Endpoint("http", f"d-{name}", 8080, "http", 300, name, port, **members)


names = st.text("abcdefgh", min_size=1, max_size=2)
offers = st.dictionaries(
    st.tuples(st.just("c"), st.text("xyz", min_size=1, max_size=4)),
    st.lists(st.builds(offer, names, st.sampled_from([80, 8080])), max_size=3),
    max_size=300,
)


@given(offers)
def test_each_name_has_one_address_that_no_other_name_has(offered: dict[tuple[str, str], list[Endpoint]]) -> None:
    aliases = client_aliases(offered)
    assert len(aliases) == sum(len(each) for each in offered.values())
    known: dict[str, str] = {}
    for alias in aliases:
        assert known.setdefault(alias.name, alias.address) == alias.address
    assert len(set(known.values())) == len(known)
    assert all(address.startswith("127.255.") for address in known.values())
    assert dict(host_names(Connected("ns", [], aliases))) == known
    assert client_aliases(dict(reversed(offered.items()))) == aliases, "whichever service was read first"


def test_more_names_than_a_byte_holds_get_addresses() -> None:
    aliases = client_aliases({("c", str(n)): [offer(f"n{n:04}")] for n in range(600)})
    assert [aliases[0].address, aliases[254].address, aliases[599].address] == [
        "127.255.0.1",
        "127.255.1.1",
        "127.255.2.92",
    ]


def test_an_endpoint_without_an_alias_is_nobodys_name() -> None:
    assert client_aliases({("c", "x"): [Endpoint("http", "d", 80, "tcp", 0)]}) == []


def test_names_with_their_ports_are_unique() -> None:
    others = client_aliases({("c", "x"): [offer("api", 80)]})
    assert taken_alias([offer("api", 81)], others) is None
    taken = taken_alias([offer("api", 80)], others)
    assert taken is not None and taken.service == "x"


def test_what_is_not_said_has_the_defaults_of_aws() -> None:
    services = [
        {"portName": "http", "clientAliases": [{"port": 80}]},
        {"portName": "db", "discoveryName": "postgres", "clientAliases": [{"port": 5432, "dnsName": "db"}]},
    ]
    assert endpoints_of({"enabled": True, "services": services}, DEFINITION, "shop") == [
        Endpoint("http", "http", 8080, "http", 300, "http.shop", 80),
        Endpoint("db", "postgres", 5432, "tcp", 3600, "db", 5432),
    ]
    timed = [{"portName": "http", "timeout": {"idleTimeoutSeconds": 0, "perRequestTimeoutSeconds": 0}}]
    assert endpoints_of({"services": timed}, DEFINITION, "shop") == [Endpoint("http", "http", 8080, "http", 0)]


LOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"},
}


def test_a_log_of_the_proxy_needs_the_options_that_a_containers_needs() -> None:
    assert endpoints_of({"logConfiguration": LOGS}, DEFINITION, "shop") == []
    with pytest.raises(ClientException, match="awslogs-group"):
        endpoints_of({"logConfiguration": {"logDriver": "awslogs"}}, DEFINITION, "shop")


def one(**members: Any) -> dict[str, Any]:
    return {"services": [{"portName": "http", "clientAliases": [{"port": 80}], **members}]}


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        (one(portName="other"), "The portName other names no port mapping"),
        (one(portName="dns"), "protocol udp"),
        (one(portName="many"), "containerPortRange"),
        (one(discoveryName="-x"), "The discoveryName -x is not valid"),
        (one(discoveryName="x" * 65), "is not valid"),
        (one(clientAliases=[{"port": 80}, {"port": 81}]), "at most 1 client alias"),
        (one(clientAliases=[{"port": 0}]), "between 1 and 65535"),
        (one(clientAliases=[{"port": 80, "dnsName": "Api"}]), "The dnsName Api is not valid"),
        (one(timeout={"idleTimeoutSeconds": -1}), "idleTimeoutSeconds must be between 0"),
        (one(portName="db", timeout={"perRequestTimeoutSeconds": 0}), "cannot be set for appProtocol tcp"),
        ({"services": [*one()["services"], *one(discoveryName="b")["services"]]}, "The portName http is given more"),
        (
            {"services": [*one(discoveryName="b")["services"], *one(portName="db", discoveryName="b")["services"]]},
            "The discoveryName b is given more than once",
        ),
        ({"accessLogConfiguration": {"format": "TEXT"}}, "accessLogConfiguration requires a logConfiguration"),
        ({"containerConfigurations": [{}]}, "exactly one setting"),
        ({"containerConfigurations": [{"logLevel": "info"}] * 2}, "given more than once"),
    ],
)
def test_what_aws_refuses(configuration: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidParameterException, match=said):
        endpoints_of(configuration, DEFINITION, "shop")


@pytest.mark.parametrize(
    ("configuration", "member"),
    [
        (one(tls={"issuerCertificateAuthority": {}}), "services.tls"),
        (one(ingressPortOverride=9000), "services.ingressPortOverride"),
        (one(timeout={"perRequestTimeoutSeconds": 15}), "services.timeout.perRequestTimeoutSeconds"),
        (one(clientAliases=[{"port": 80, "testTrafficRules": {"header": {"name": "x"}}}]), "testTrafficRules"),
        ({"containerConfigurations": [{"logLevel": "debug"}]}, "containerConfigurations.logLevel debug"),
        ({"logConfiguration": LOGS, "accessLogConfiguration": {"format": "JSON"}}, "accessLogConfiguration"),
        ({"logConfiguration": {"logDriver": "gelf"}}, "logConfiguration.logDriver gelf"),
    ],
)
def test_what_cannot_act_is_refused_by_name(configuration: dict[str, Any], member: str) -> None:
    with pytest.raises(NotEmulatedYet, match=member):
        endpoints_of(configuration, DEFINITION, "shop")


def test_network_modes() -> None:
    check_network_mode(DEFINITION)
    with pytest.raises(InvalidParameterException, match="network mode 'host'"):
        check_network_mode({"networkMode": "host"})
    with pytest.raises(NotEmulatedYet, match="network mode bridge"):
        check_network_mode({})


def test_port_and_protocol_of_an_endpoint_stay() -> None:
    check_unchanged([offer("api")], [offer("api", 81), offer("other")])
    with pytest.raises(InvalidParameterException, match="portName of Service Connect service d-api"):
        check_unchanged([offer("api")], [Endpoint("db", "d-api", 5432, "http", 0)])
    with pytest.raises(InvalidParameterException, match="from http to tcp"):
        check_unchanged([offer("api")], [Endpoint("http", "d-api", 8080, "tcp", 0)])
