"""Clusters through boto3."""

from __future__ import annotations

from tests.conftest import Aws
from tests.services.ecs_scene import NETWORK, prepare, refuses, run

ARN = "arn:aws:ecs:us-east-1:123456789012:cluster"


def test_create_answers_the_whole_cluster(aws: Aws) -> None:
    cluster = aws("ecs").create_cluster(clusterName="c", tags=[{"key": "team", "value": "a"}])["cluster"]
    assert cluster == {
        "clusterArn": f"{ARN}/c",
        "clusterName": "c",
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": 0,
        "pendingTasksCount": 0,
        "activeServicesCount": 0,
        "statistics": [],
        "tags": [{"key": "team", "value": "a"}],
        "settings": [{"name": "containerInsights", "value": "disabled"}],
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
    }


def test_the_name_is_default_when_left_out(aws: Aws) -> None:
    ecs = aws("ecs")
    assert ecs.create_cluster()["cluster"]["clusterArn"] == f"{ARN}/default"
    assert ecs.describe_clusters()["clusters"][0]["clusterName"] == "default"


def test_creating_again_is_idempotent_unless_it_asks_for_something_else(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c", settings=[{"name": "containerInsights", "value": "enabled"}])
    assert ecs.create_cluster(clusterName="c")["cluster"]["settings"][0]["value"] == "enabled"
    with refuses(
        "InvalidParameterException",
        "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
    ):
        ecs.create_cluster(clusterName="c", capacityProviders=["FARGATE"])
    assert ecs.list_clusters()["clusterArns"] == [f"{ARN}/c"]


def test_names_and_settings_are_checked(aws: Aws) -> None:
    ecs = aws("ecs")
    with refuses("InvalidParameterException", r"Cluster must match ^[a-zA-Z0-9\-_]{1,255}$, but was a b"):
        ecs.create_cluster(clusterName="a b")
    with refuses("InvalidParameterException", "value should be one of [enhanced,enabled,disabled]"):
        ecs.create_cluster(clusterName="c", settings=[{"name": "containerInsights", "value": "on"}])
    with refuses("InvalidParameterException", "Tag keys and values must not start", part=True):
        ecs.create_cluster(clusterName="c", tags=[{"key": "aws:x", "value": "y"}])
    with refuses("InvalidParameterException", "The namespace name", part=True):
        ecs.create_cluster(clusterName="c", serviceConnectDefaults={"namespace": "a/b"})
    nobody = "arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-nope"
    with refuses("NamespaceNotFoundException"):
        ecs.create_cluster(clusterName="c", serviceConnectDefaults={"namespace": nobody})
    assert ecs.list_clusters()["clusterArns"] == []


def test_the_default_namespace_of_a_cluster(aws: Aws) -> None:
    """A new name is that of an HTTP namespace; a known name or an ARN is that namespace; an empty one is none."""
    ecs, discovery = aws("ecs"), aws("servicediscovery")
    made = ecs.create_cluster(clusterName="c", serviceConnectDefaults={"namespace": "apps"})["cluster"]
    [namespace] = discovery.list_namespaces()["Namespaces"]
    assert (namespace["Name"], namespace["Type"]) == ("apps", "HTTP")
    assert made["serviceConnectDefaults"] == {"namespace": namespace["Arn"]}
    assert discovery.list_tags_for_resource(ResourceARN=namespace["Arn"])["Tags"] == [
        {"Key": "AmazonECSManaged", "Value": "true"}
    ]
    again = ecs.create_cluster(clusterName="c", serviceConnectDefaults={"namespace": "apps"})["cluster"]
    assert again["serviceConnectDefaults"] == made["serviceConnectDefaults"]
    by_arn = ecs.create_cluster(clusterName="d", serviceConnectDefaults={"namespace": namespace["Arn"]})["cluster"]
    assert by_arn["serviceConnectDefaults"] == made["serviceConnectDefaults"]
    ecs.update_cluster(cluster="d", serviceConnectDefaults={"namespace": "others"})
    [other] = [n for n in discovery.list_namespaces()["Namespaces"] if n["Name"] == "others"]
    [shown] = ecs.describe_clusters(clusters=["d"])["clusters"]
    assert shown["serviceConnectDefaults"] == {"namespace": other["Arn"]}
    removed = ecs.update_cluster(cluster="d", serviceConnectDefaults={"namespace": ""})["cluster"]
    assert "serviceConnectDefaults" not in removed
    with refuses("NamespaceNotFoundException"):
        ecs.update_cluster(cluster="d", serviceConnectDefaults={"namespace": f"{other['Arn']}x"})


def test_exec_configuration_is_checked_kept_and_shown_when_asked(aws: Aws) -> None:
    ecs = aws("ecs")
    override = {"executeCommandConfiguration": {"logging": "OVERRIDE"}}
    with refuses("InvalidParameterException", "log configuration must be specified", part=True):
        ecs.create_cluster(clusterName="c", configuration=override)
    override["executeCommandConfiguration"]["logConfiguration"] = {"cloudWatchLogGroupName": "g"}  # type: ignore[assignment]
    ecs.create_cluster(clusterName="c", configuration=override)
    assert "configuration" not in ecs.describe_clusters(clusters=["c"])["clusters"][0]
    shown = ecs.describe_clusters(clusters=["c"], include=["CONFIGURATIONS"])["clusters"][0]
    assert shown["configuration"] == override


def test_describe_includes_what_is_asked_and_names_what_is_missing(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c", tags=[{"key": "a", "value": "b"}])
    answer = ecs.describe_clusters(clusters=["c", "nope", f"{ARN}/other", "c"])
    assert [c["clusterName"] for c in answer["clusters"]] == ["c"]
    assert answer["clusters"][0]["tags"] == answer["clusters"][0]["settings"] == []
    assert answer["failures"] == [
        {"arn": f"{ARN}/nope", "reason": "MISSING"},
        {"arn": f"{ARN}/other", "reason": "MISSING"},
    ]
    shown = ecs.describe_clusters(clusters=[f"{ARN}/c"], include=["TAGS", "SETTINGS"])["clusters"][0]
    assert (len(shown["tags"]), len(shown["settings"])) == (1, 1)
    with refuses("InvalidParameterException", "Clusters cannot have more than 100 elements."):
        ecs.describe_clusters(clusters=[f"c{n}" for n in range(101)])


def test_counts_and_statistics_are_those_of_the_tables(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    run(ecs, count=3)
    shown = ecs.describe_clusters(clusters=["c"], include=["STATISTICS"])["clusters"][0]
    statistics = {s["name"]: s["value"] for s in shown["statistics"]}
    assert (shown["pendingTasksCount"], shown["runningTasksCount"]) == (3, 0)
    assert statistics["pendingFargateTasksCount"] == "3"
    assert statistics["runningEC2TasksCount"] == "0"
    assert set(statistics) == {
        f"{word}Count"
        for kind in ("EC2", "Fargate")
        for word in (f"running{kind}Tasks", f"pending{kind}Tasks", f"active{kind}Service", f"draining{kind}Service")
    }


def test_update_changes_settings(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    enhanced = [{"name": "containerInsights", "value": "enhanced"}]
    assert ecs.update_cluster(cluster="c", settings=enhanced)["cluster"]["settings"] == enhanced
    off = [{"name": "containerInsights", "value": "disabled"}]
    assert ecs.update_cluster_settings(cluster=f"{ARN}/c", settings=off)["cluster"]["settings"] == off
    with refuses("ClusterNotFoundException", "Cluster not found."):
        ecs.update_cluster(cluster="nope", settings=off)


def test_new_clusters_take_container_insights_from_the_account(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.put_account_setting_default(name="containerInsights", value="enabled")
    assert ecs.create_cluster()["cluster"]["settings"] == [{"name": "containerInsights", "value": "enabled"}]


def test_capacity_providers_are_associated_and_kept_while_used(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    strategy = [
        {"capacityProvider": "FARGATE", "base": 1, "weight": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 3},
    ]
    answer = ecs.put_cluster_capacity_providers(
        cluster="c", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=strategy
    )["cluster"]
    assert answer["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert answer["defaultCapacityProviderStrategy"][1] == {"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 0}
    tasks = ecs.run_task(cluster="c", taskDefinition="web", count=5, networkConfiguration=NETWORK)["tasks"]
    assert sorted(t["capacityProviderName"] for t in tasks) == ["FARGATE"] * 2 + ["FARGATE_SPOT"] * 3
    with refuses("ResourceInUseException", "The specified capacity provider is in use and cannot be removed."):
        ecs.put_cluster_capacity_providers(
            cluster="c", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
        )


def test_strategies_that_cannot_be(aws: Aws) -> None:
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="c")
    with refuses(
        "InvalidParameterException",
        "The specified capacity provider was not found. Specify a valid capacity provider and try again.",
    ):
        ecs.put_cluster_capacity_providers(cluster="c", capacityProviders=["mine"], defaultCapacityProviderStrategy=[])
    for strategy in (
        [{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
        [{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE", "weight": 1}],
        [{"capacityProvider": "FARGATE", "weight": 1001}],
    ):
        with refuses("InvalidParameterException"):
            ecs.put_cluster_capacity_providers(
                cluster="c", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=strategy
            )


def test_deleting(aws: Aws) -> None:
    ecs = aws("ecs")
    prepare(ecs)
    run(ecs)
    with refuses("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active."):
        ecs.delete_cluster(cluster="c")
    ecs.create_cluster(clusterName="d", tags=[{"key": "a", "value": "b"}])
    assert ecs.delete_cluster(cluster="d")["cluster"]["status"] == "INACTIVE"
    assert ecs.list_clusters()["clusterArns"] == [f"{ARN}/c"]
    assert ecs.describe_clusters(clusters=["d"])["clusters"][0]["status"] == "INACTIVE"
    with refuses("ClusterNotFoundException", "The referenced cluster was inactive."):
        ecs.delete_cluster(cluster="d")
    with refuses("ClusterNotFoundException", "Cluster not found."):
        ecs.delete_cluster(cluster="nope")
    again = ecs.create_cluster(clusterName="d")["cluster"]
    assert (again["status"], again["tags"]) == ("ACTIVE", [])
