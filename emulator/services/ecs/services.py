"""Services: how many tasks of which definition shall run. Rows only; the scheduler and control make it so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from api_models._generated import ecs as m
from emulator.domain.capacity.cluster import Cluster
from emulator.domain.ecs_errors import (
    ConflictException,
    ServiceNotActiveException,
    ServiceNotFoundException,
)
from emulator.domain.errors import ClientException, InvalidParameterException
from emulator.domain.service_scheduler import deployment as deployments
from emulator.domain.service_scheduler import deployment_controller as controllers
from emulator.domain.service_scheduler import service_deployment as history
from emulator.domain.service_scheduler.service import Deployment, Service
from emulator.domain.service_scheduler.service_events import Notice
from emulator.domain.service_scheduler.service_notices import desired_count_updated, envelope
from emulator.domain.service_scheduler.service_rules import controller_type
from emulator.domain.tags import validate_tags
from emulator.services.ecs import client_tokens, lookup
from emulator.services.ecs.controlled_request import controlled_settings, external_settings
from emulator.services.ecs.service_connection import find_connected_namespace, make_connection
from emulator.services.ecs.service_history import keep_history, stop_rollout
from emulator.services.ecs.service_request import (
    SETTINGS,
    Asked,
    create_settings,
    settings_of_revision,
    update_settings,
    with_settings,
)
from emulator.services.ecs.service_shape import service_shape
from emulator.services.ecs.task_set_beginning import first_task_set, task_set_arn
from emulator.services.lookup import check_batch, found_and_missing
from emulator.services.noting import note
from emulator.store.connect_discovery import drop_endpoints
from emulator.store.connect_queries import services_in
from emulator.store.ecs_tables import SERVICES
from emulator.store.service_queries import deployment_counts, total
from emulator.wire.call import Call

MAX_SERVICES: Final = 5000
"""Of a cluster."""
_MAX_DESCRIBED: Final = 10
_MAX_TOKEN: Final = 36
_ID_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_NOT_IDEMPOTENT: Final = "Creation of service was not idempotent."


def create_service(call: Call, request: m.CreateServiceRequest) -> m.CreateServiceResponse:
    """The same again returns the service that is there, by client token or by equal settings."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    name = lookup.check_name(request["serviceName"], "Service name")
    _check_token(request)
    existing = call.tx.get(SERVICES, call.account, call.region, cluster.name, name)
    active = existing is not None and existing.status == "ACTIVE"
    if _token_is_known(call, cluster, request) and existing is not None and active:
        return {"service": service_shape(call.reader, existing, tags=True)}
    controller = controller_type(request)
    if controller == "EXTERNAL":
        asked, settings = None, external_settings(request)
    else:
        asked = create_settings(call, cluster, request)
        settings = asked.settings
    if existing is not None and existing.status == "DRAINING":
        raise InvalidParameterException("Unable to Start a service that is still Draining.")
    if existing is not None and active:
        again = with_settings(existing, settings)
        if asked is not None:
            again = replace(again, task_definition=asked.definition.arn)
        if again != existing:
            raise InvalidParameterException(_NOT_IDEMPOTENT)
        return {"service": service_shape(call.reader, existing, tags=True)}
    _check_quota(call, cluster)
    service = _new_service(call, cluster, request, settings, asked)
    if asked is not None and controller == "CODE_DEPLOY":
        service = replace(service, deployments=[first_task_set(call, service, asked.definition, asked.deployment)])
    call.tx.put(SERVICES, service)
    if asked is not None and controller == "ECS":
        keep_history(call, service, asked.definition)
        make_connection(call, service)
    _keep_token(call, cluster, request, service)
    note(call, "service.created", service.arn, {"desiredCount": service.desired_count, "by": call.caller.arn})
    return {"service": service_shape(call.reader, service, tags=True)}


def update_service(call: Call, request: m.UpdateServiceRequest) -> m.UpdateServiceResponse:
    """An update that changes nothing is no update; one that changes what tasks are begins a deployment."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    service = lookup.existing_service(call, cluster, request["service"])
    if service.status != "ACTIVE":
        raise ServiceNotActiveException("Service was not ACTIVE.")
    before = controller_type(service.spec)
    after = controller_type(request) if request.get("deploymentController") else before
    if after != before:
        return _updated(call, service, _under_another_controller(call, cluster, service, request, before, after))
    if service.has_task_sets:
        changed = with_settings(service, controlled_settings(service, request))
        return _updated(call, service, changed)
    asked = update_settings(call, cluster, service, request)
    changed = with_settings(service, asked.settings)
    if request.get("forceNewDeployment") or _starts_deployment(service, asked):
        changed = deployments.supersede(changed, _new_deployment(call, asked), call.now)
        stop_rollout(call, service, history.SUPERSEDED)
        keep_history(call, changed, asked.definition)
        make_connection(call, changed, service)
    else:
        changed = _with_strategy_of(changed, asked)
    return _updated(call, service, changed)


def _under_another_controller(
    call: Call, cluster: Cluster, service: Service, request: m.UpdateServiceRequest, before: str, after: str
) -> Service:
    """The service once another deployment controller has taken it over. What the request changes besides is taken as
    under that one: a new revision begins a deployment, otherwise the tasks that the PRIMARY one has stay."""
    controllers.check_change(service, before, after)
    if after != "ECS":
        arn = task_set_arn(service, service.primary.id) if before == "ECS" else ""
        taken = controllers.with_task_sets(service, after, arn, call.now)
        return with_settings(taken, controlled_settings(taken, request))
    taken = controllers.with_deployments(service, call.ids.letters(21, _ID_LETTERS), call.now)
    asked = update_settings(call, cluster, taken, request)
    changed = with_settings(taken, asked.settings)
    has_primary = any(d.status == "PRIMARY" for d in taken.deployments)
    if not has_primary or request.get("forceNewDeployment") or _starts_deployment(taken, asked):
        changed = deployments.supersede(changed, _new_deployment(call, asked), call.now)
    else:
        changed = _with_spec_of(changed, asked)
    keep_history(call, changed, asked.definition)
    return changed


def _updated(call: Call, service: Service, changed: Service) -> m.UpdateServiceResponse:
    """Keeps what an update changed, if it did, and tells of it."""
    if changed != service:
        changed = deployments.without_back_off(changed)
        call.tx.put(SERVICES, changed)
        detail = {
            "desiredCount": changed.desired_count,
            "deployment": next((d.id for d in changed.deployments if d.status == "PRIMARY"), None),
            "taskDefinition": changed.task_definition,
            "by": call.caller.arn,
        }
        note(call, "service.updated", changed.arn, detail)
        if changed.desired_count != service.desired_count:
            notice = Notice(call.ids.uuid(), call.now, desired_count_updated(changed.desired_count))
            note(call, "eventbridge", changed.arn, envelope(changed, notice))
    return {"service": service_shape(call.reader, changed, tags=True)}


def delete_service(call: Call, request: m.DeleteServiceRequest) -> m.DeleteServiceResponse:
    """It answers DRAINING even when no task keeps the service from being INACTIVE at once."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    service = lookup.existing_service(call, cluster, request["service"])
    if service.status == "INACTIVE":
        raise ServiceNotFoundException("Service not found.")
    if service.status == "DRAINING":
        return {"service": service_shape(call.reader, service, tags=True)}
    if service.desired_count > 0 and service.scheduling_strategy != "DAEMON" and not request.get("force"):
        raise InvalidParameterException("The service cannot be stopped while it is scaled above 0.")
    draining = replace(service, status="DRAINING", desired_count=0, told={}, because="deleted")
    answer = service_shape(call.reader, draining, tags=True)
    stop_rollout(call, service, history.SERVICE_DELETED)
    drop_endpoints(call.tx, service)
    if total(deployment_counts(call.reader, service)).lingering == 0:
        draining = replace(draining, status="INACTIVE", deployments=[], completed=None, inactive_at=call.now)
    call.tx.put(SERVICES, replace(draining, tags=[]))
    note(call, "service.deleted", draining.arn, {"force": bool(request.get("force")), "by": call.caller.arn})
    return {"service": answer}


def describe_services(call: Call, request: m.DescribeServicesRequest) -> m.DescribeServicesResponse:
    cluster = lookup.active_cluster(call, request.get("cluster"))
    references = request["services"]
    if not references:
        raise InvalidParameterException("Services cannot be empty.")
    check_batch(references, _MAX_DESCRIBED, "Services")
    found, failures = found_and_missing(
        references,
        find=lambda reference: lookup.find_service(call, cluster, reference),
        arn_of=lambda reference: lookup.service_arn(cluster, reference),
    )
    tags = "TAGS" in request.get("include", ())
    return {"services": [service_shape(call.reader, s, tags=tags) for s in found], "failures": failures}


def list_services(call: Call, request: m.ListServicesRequest) -> m.ListServicesResponse:
    """ACTIVE ones."""
    cluster = lookup.active_cluster(call, request.get("cluster"))
    page = call.page(request, _listed(call, cluster, request), key=str)
    answer: m.ListServicesResponse = {"serviceArns": [lookup.service_arn(cluster, name) for name in page.items]}
    if page.next_token is not None:
        answer["nextToken"] = page.next_token
    return answer


def list_services_by_namespace(
    call: Call, request: m.ListServicesByNamespaceRequest
) -> m.ListServicesByNamespaceResponse:
    """ACTIVE ones with Service Connect, of all clusters; without a word of how many, ten on a page."""
    if not request["namespace"]:
        raise InvalidParameterException("Namespace can not be blank.")
    namespace = find_connected_namespace(call, request["namespace"])
    found = sorted(service.arn for service in services_in(call.reader, call.account, call.region, namespace.arn))
    page = call.page(request, found, key=str)
    answer: m.ListServicesByNamespaceResponse = {"serviceArns": page.items}
    if page.next_token is not None:
        answer["nextToken"] = page.next_token
    return answer


def _listed(call: Call, cluster: Cluster, request: m.ListServicesRequest) -> list[str]:
    """Names. A service with a strategy has no launch type, so that a filter by launch type leaves it out."""
    here: dict[str, Any] = {
        "account": call.account,
        "region": call.region,
        "cluster": cluster.name,
        "status": "ACTIVE",
    }
    launch_type, strategy = request.get("launchType"), request.get("schedulingStrategy")
    if request.get("resourceManagementType", "CUSTOMER") != "CUSTOMER":
        return []
    if launch_type is None and strategy is None:
        return call.reader.column(SERVICES, "name", **here)
    return [
        service.name
        for service in call.reader.find(SERVICES, **here)
        if launch_type in (None, service.launch_type) and strategy in (None, service.scheduling_strategy)
    ]


def _new_service(
    call: Call, cluster: Cluster, request: m.CreateServiceRequest, settings: dict[str, Any], asked: Asked | None
) -> Service:
    name = request["serviceName"]
    service = Service(
        account=call.account,
        region=call.region,
        cluster=cluster.name,
        name=name,
        arn=lookup.service_arn(cluster, name),
        cluster_arn=cluster.arn,
        status="ACTIVE",
        desired_count=0,
        task_definition=asked.definition.arn if asked else "",
        created_at=call.now,
        created_by=call.caller.arn,
        deployments=[_new_deployment(call, asked)] if asked else [],
        tags=validate_tags(request.get("tags", ())),
        client_token=request.get("clientToken"),
    )
    return with_settings(service, settings)


def _new_deployment(call: Call, asked: Asked) -> Deployment:
    return deployments.begin(
        f"ecs-svc/{call.ids.decimal(19)}",
        asked.definition.arn,
        asked.deployment,
        call.now,
        call.ids.letters(21, _ID_LETTERS),
        settings_of_revision(asked.settings),
        asked.connect,
    )


def _starts_deployment(service: Service, asked: Asked) -> bool:
    """Whether what tasks are made of has changed. A capacity provider strategy alone starts none (ECS API model)."""
    settings = asked.settings
    return (
        asked.definition.arn != service.task_definition
        or settings["networkConfiguration"] != service.network_configuration
        or settings["platformVersion"] not in (None, service.platform_version or "LATEST")
        or settings.get("serviceConnectConfiguration") != service.spec.get("serviceConnectConfiguration")
        or settings.get("serviceRegistries") != service.spec.get("serviceRegistries")
    )


def _with_strategy_of(service: Service, asked: Asked) -> Service:
    """Tasks that the deployment under way still starts follow a changed strategy."""
    return service if asked.deployment == service.primary.spec else _with_spec_of(service, asked)


def _with_spec_of(service: Service, asked: Asked) -> Service:
    primary = service.primary
    changed = replace(primary, spec=asked.deployment, service_settings=settings_of_revision(asked.settings))
    return replace(service, deployments=[changed if d.id == primary.id else d for d in service.deployments])


def _check_quota(call: Call, cluster: Cluster) -> None:
    """AWS raises it on request (the wording is unconfirmed)."""
    where = {"account": call.account, "region": call.region, "cluster": cluster.name}
    if call.reader.count(SERVICES, **where, status="ACTIVE") >= MAX_SERVICES:
        raise ClientException(f"A cluster can have at most {MAX_SERVICES} services.")


def _check_token(request: m.CreateServiceRequest) -> None:
    """At most 36 visible ASCII characters (the wording is unconfirmed)."""
    token = request.get("clientToken")
    if token is not None and not (1 <= len(token) <= _MAX_TOKEN and all("!" <= letter <= "~" for letter in token)):
        raise InvalidParameterException("clientToken must be 1 to 36 ASCII characters in the range of 33-126.")


def _token_is_known(call: Call, cluster: Cluster, request: m.CreateServiceRequest) -> bool:
    """Whether this very request made a service already. Its token stands for no other request."""
    token = request.get("clientToken")
    if token is None:
        return False
    try:
        return client_tokens.earlier_result(call, cluster.name, token, _fingerprint(request)) is not None
    except ConflictException as conflict:
        raise InvalidParameterException(_NOT_IDEMPOTENT) from conflict


def _keep_token(call: Call, cluster: Cluster, request: m.CreateServiceRequest, service: Service) -> None:
    token = request.get("clientToken")
    if token is not None:
        client_tokens.keep(call, cluster.name, token, _fingerprint(request), [service.arn])


def _fingerprint(request: m.CreateServiceRequest) -> str:
    return client_tokens.fingerprint(request, ("serviceName", "tags", *SETTINGS))
