"""Parameter Store."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.clock import VirtualClock
from tests.conftest import Aws


@pytest.fixture
def ssm(aws: Aws) -> Any:
    return aws("ssm")


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=rf"\({code}\).*{text}")


def put(ssm: Any, name: str, value: str = "v", kind: str = "String", **more: Any) -> Any:
    return ssm.put_parameter(Name=name, Value=value, Type=kind, **more)


def test_a_parameter_is_read_by_name_and_arn(ssm: Any, clock: VirtualClock) -> None:
    assert put(ssm, "/prod/url", "http://x")["Version"] == 1
    shown = ssm.get_parameter(Name="/prod/url")["Parameter"]
    assert shown["ARN"] == "arn:aws:ssm:us-east-1:123456789012:parameter/prod/url"
    assert (shown["Value"], shown["Type"], shown["DataType"], shown["Version"]) == ("http://x", "String", "text", 1)
    assert shown["LastModifiedDate"].timestamp() == clock.now()
    assert ssm.get_parameter(Name=shown["ARN"])["Parameter"]["Value"] == "http://x"
    put(ssm, "flat", "y")
    arn = ssm.get_parameter(Name="flat")["Parameter"]["ARN"]
    assert arn == "arn:aws:ssm:us-east-1:123456789012:parameter/flat"
    assert ssm.get_parameter(Name=arn)["Parameter"]["Name"] == "flat"
    with refused("ParameterNotFound"):
        ssm.get_parameter(Name=arn.replace("us-east-1", "eu-west-1"))


def test_a_missing_parameter_has_no_text(ssm: Any) -> None:
    with pytest.raises(ClientError) as caught:
        ssm.get_parameter(Name="/nowhere")
    assert caught.value.response["Error"] == {"Message": "", "Code": "ParameterNotFound"}


def test_a_secure_string_is_a_cipher_until_decrypted(ssm: Any) -> None:
    put(ssm, "/key", "s3cret", "SecureString")
    closed = ssm.get_parameter(Name="/key")["Parameter"]["Value"]
    assert "s3cret" not in closed
    assert len(closed) > 40
    assert ssm.get_parameter(Name="/key", WithDecryption=True)["Parameter"]["Value"] == "s3cret"
    assert ssm.describe_parameters()["Parameters"][0]["KeyId"] == "alias/aws/ssm"
    keyed = put(ssm, "/keyed", "s", "SecureString", KeyId="alias/mine")
    assert "KMS is not emulated" in keyed["ResponseMetadata"]["HTTPHeaders"]["x-homeport-warning"]
    with refused("ValidationException", "KeyId"):
        put(ssm, "/plain", "s", KeyId="alias/mine")


def test_overwriting_makes_versions(ssm: Any) -> None:
    put(ssm, "/a", "1")
    with refused("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite"):
        put(ssm, "/a", "2")
    assert ssm.put_parameter(Name="/a", Value="2", Overwrite=True)["Version"] == 2
    assert ssm.get_parameter(Name="/a")["Parameter"]["Value"] == "2"
    old = ssm.get_parameter(Name="/a:1")["Parameter"]
    assert (old["Value"], old["Selector"], old["Name"]) == ("1", ":1", "/a")
    with refused("ParameterVersionNotFound", "could not find version 9 of /a"):
        ssm.get_parameter(Name="/a:9")
    with refused("HierarchyTypeMismatchException", "doesn't support changing a parameter type"):
        put(ssm, "/a", "2", "SecureString", Overwrite=True)
    with refused("ValidationException", "tags and overwrite can't be used together"):
        ssm.put_parameter(Name="/a", Value="3", Overwrite=True, Tags=[{"Key": "k", "Value": "v"}])


def test_history_keeps_every_version_with_its_labels(ssm: Any, clock: VirtualClock) -> None:
    for number in range(1, 4):
        ssm.put_parameter(Name="/a", Value=f"{number}", Type="String", Overwrite=True, Description=f"d{number}")
        clock.advance(1)
    ssm.label_parameter_version(Name="/a", ParameterVersion=2, Labels=["good"])
    history = ssm.get_parameter_history(Name="/a", MaxResults=2)
    assert [entry["Value"] for entry in history["Parameters"]] == ["1", "2"]
    assert history["Parameters"][1]["Labels"] == ["good"]
    assert history["Parameters"][0]["LastModifiedUser"] == "arn:aws:iam::123456789012:root"
    rest = ssm.get_parameter_history(Name="/a", NextToken=history["NextToken"])
    assert [entry["Description"] for entry in rest["Parameters"]] == ["d3"]


def test_labels_move_and_bad_ones_are_told(ssm: Any) -> None:
    put(ssm, "/a", "1")
    ssm.put_parameter(Name="/a", Value="2", Overwrite=True)
    answer = ssm.label_parameter_version(Name="/a", ParameterVersion=1, Labels=["live", "1st", "awsx", "a b"])
    assert answer["InvalidLabels"] == ["1st", "awsx", "a b"]
    assert ssm.get_parameter(Name="/a:live")["Parameter"]["Value"] == "1"
    ssm.label_parameter_version(Name="/a", Labels=["live"])
    assert ssm.get_parameter(Name="/a:live")["Parameter"]["Value"] == "2"
    with refused("ParameterVersionNotFound"):
        ssm.get_parameter(Name="/a:other")
    with refused("ParameterVersionLabelLimitExceeded"):
        ssm.label_parameter_version(Name="/a", Labels=[f"l{n}" for n in range(10)])
    removed = ssm.unlabel_parameter_version(Name="/a", ParameterVersion=2, Labels=["live", "other"])
    assert (removed["RemovedLabels"], removed["InvalidLabels"]) == (["live"], ["other"])


def test_the_hundred_and_first_version_drops_the_oldest_unless_it_is_labelled(ssm: Any) -> None:
    for number in range(101):
        ssm.put_parameter(Name="/a", Value=f"{number}", Type="String", Overwrite=True)
    with refused("ParameterVersionNotFound"):
        ssm.get_parameter(Name="/a:1")
    ssm.label_parameter_version(Name="/a", ParameterVersion=2, Labels=["keep"])
    with refused("ParameterMaxVersionLimitExceeded", "Version 2, the oldest version"):
        ssm.put_parameter(Name="/a", Value="x", Overwrite=True)


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("a/b", "ValidationException", "fully qualified name"),
        ("/aws/x", "AccessDeniedException", "No access to reserved parameter name: /aws/x"),
        ("awsome", "ValidationException", "can't be prefixed with"),
        ("/ssm/x", "ValidationException", "can't be prefixed with"),
        ("/a b", "ValidationException", "each sub-path can be formed as"),
        ("/" + "/".join("abcdefghijklmnop"), "HierarchyLevelLimitExceededException", "15 levels"),
    ],
)
def test_names_that_are_refused(ssm: Any, name: str, code: str, text: str) -> None:
    with refused(code, text):
        put(ssm, name)


def test_fifteen_levels_are_not_too_many(ssm: Any) -> None:
    assert put(ssm, "/" + "/".join("abcdefghijklmno"))["Version"] == 1


def test_values_that_are_refused(ssm: Any) -> None:
    with refused("ParameterPatternMismatchException", r"validated against allowedPattern: \^\\d\+\$"):
        put(ssm, "/a", "x1", AllowedPattern=r"^\d+$")
    with refused("InvalidAllowedPatternException"):
        put(ssm, "/a", "x1", AllowedPattern="(")
    with refused("ValidationException", "type is required"):
        ssm.put_parameter(Name="/a", Value="1")
    with refused("ValidationException", "length greater than or equal to 1"):
        put(ssm, "/a", "")
    with refused("ValidationException", "data type is not supported: number"):
        put(ssm, "/a", "1", DataType="number")
    with refused("NotEmulatedYet", "aws:ec2:image"):
        put(ssm, "/a", "ami-1", DataType="aws:ec2:image")
    with refused("NotEmulatedYet", "Policies"):
        put(ssm, "/a", "1", Policies='[{"Type":"Expiration"}]')
    assert ssm.describe_parameters()["Parameters"] == []


def test_tiers_bound_the_size(ssm: Any) -> None:
    assert put(ssm, "/a", "x" * 4096)["Tier"] == "Standard"
    with refused("ValidationException", "Standard tier parameters support a maximum parameter value of 4096"):
        put(ssm, "/b", "x" * 4097)
    assert put(ssm, "/b", "x" * 4097, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    with refused("ValidationException", "8192"):
        put(ssm, "/c", "x" * 8193, Tier="Advanced")
    with refused("ValidationException", "You can't downgrade a parameter"):
        ssm.put_parameter(Name="/b", Value="x", Overwrite=True, Tier="Standard")


def test_several_at_once(ssm: Any) -> None:
    put(ssm, "/a", "1")
    put(ssm, "/s", "2", "SecureString")
    answer = ssm.get_parameters(Names=["/a", "/s", "/nowhere", "/a:7"], WithDecryption=True)
    assert {p["Name"]: p["Value"] for p in answer["Parameters"]} == {"/a": "1", "/s": "2"}
    assert answer["InvalidParameters"] == ["/nowhere", "/a:7"]


def test_a_path_holds_its_children_and_recursively_all_below(ssm: Any) -> None:
    for name in ("/app/a", "/app/b", "/app/deep/c", "/apple", "flat"):
        put(ssm, name)

    def names(**how: Any) -> list[str]:
        pages = ssm.get_paginator("get_parameters_by_path").paginate(PaginationConfig={"PageSize": 2}, **how)
        return [parameter["Name"] for page in pages for parameter in page["Parameters"]]

    assert names(Path="/app") == ["/app/a", "/app/b"]
    assert names(Path="/app/", Recursive=True) == ["/app/a", "/app/b", "/app/deep/c"]
    assert names(Path="/", Recursive=True) == ["/app/a", "/app/b", "/app/deep/c", "/apple", "flat"]
    assert names(Path="/none") == []
    with refused("ValidationException", "must begin with a forward slash"):
        names(Path="app")
    ssm.label_parameter_version(Name="/app/a", Labels=["live"])
    ssm.put_parameter(Name="/app/a", Value="newer", Overwrite=True)
    filters = [{"Key": "Label", "Option": "Equals", "Values": ["live"]}]
    found = ssm.get_parameters_by_path(Path="/app", ParameterFilters=filters)["Parameters"]
    assert [(p["Name"], p["Version"], p["Selector"]) for p in found] == [("/app/a", 1, ":live")]
    with refused("InvalidFilterKey", "Valid filter keys include"):
        ssm.get_parameters_by_path(Path="/app", ParameterFilters=[{"Key": "Name", "Values": ["x"]}])
    with refused("InvalidNextToken"):
        ssm.get_parameters_by_path(Path="/app", NextToken="nonsense")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"Key": "Name", "Option": "BeginsWith", "Values": ["/app/"]}, ["/app/a", "/app/x/b"]),
        ({"Key": "Name", "Option": "Contains", "Values": ["x"]}, ["/app/x/b", "box"]),
        ({"Key": "Name", "Values": ["box"]}, ["box"]),
        ({"Key": "Type", "Values": ["SecureString"]}, ["box"]),
        ({"Key": "KeyId", "Values": ["alias/aws/ssm"]}, ["box"]),
        ({"Key": "Path", "Values": ["/app"]}, ["/app/a"]),
        ({"Key": "Path", "Option": "Recursive", "Values": ["/app"]}, ["/app/a", "/app/x/b"]),
        ({"Key": "tag:team", "Values": ["blue"]}, ["/app/a"]),
        ({"Key": "Tier", "Values": ["Standard"]}, ["/app/a", "/app/x/b", "box"]),
    ],
)
def test_describe_filters(ssm: Any, given: dict[str, Any], found: list[str]) -> None:
    put(ssm, "/app/a", Tags=[{"Key": "team", "Value": "blue"}])
    put(ssm, "/app/x/b", "1,2", "StringList")
    put(ssm, "box", "s", "SecureString")
    listed = ssm.describe_parameters(ParameterFilters=[given])["Parameters"]
    assert [parameter["Name"] for parameter in listed] == found
    assert all("Value" not in parameter for parameter in listed)


def test_filters_that_are_refused(ssm: Any) -> None:
    with refused("InvalidFilterOption", r"not valid: Near. Valid options include: \[BeginsWith, Equals\]"):
        ssm.describe_parameters(ParameterFilters=[{"Key": "Type", "Option": "Near", "Values": ["String"]}])
    with refused("InvalidFilterValue", "filter values are missing"):
        ssm.describe_parameters(ParameterFilters=[{"Key": "Type"}])
    twice = {"Key": "Type", "Values": ["String"]}
    with refused("InvalidFilterKey", "duplicated"):
        ssm.describe_parameters(ParameterFilters=[twice, twice])
    with refused("ValidationException"):
        ssm.describe_parameters(ParameterFilters=[{"Key": "Colour", "Values": ["x"]}])


def test_the_older_filters_still_work(ssm: Any) -> None:
    put(ssm, "/app/a")
    put(ssm, "other")
    listed = ssm.describe_parameters(Filters=[{"Key": "Name", "Values": ["/app"]}])["Parameters"]
    assert [parameter["Name"] for parameter in listed] == ["/app/a"]


def test_deleting(ssm: Any) -> None:
    for name in ("/a", "/b", "/c"):
        put(ssm, name)
    ssm.delete_parameter(Name="/a")
    with refused("ParameterNotFound"):
        ssm.delete_parameter(Name="/a")
    answer = ssm.delete_parameters(Names=["/b", "/nowhere"])
    assert (answer["DeletedParameters"], answer["InvalidParameters"]) == (["/b"], ["/nowhere"])
    assert put(ssm, "/a")["Version"] == 1
    assert [parameter["Name"] for parameter in ssm.describe_parameters()["Parameters"]] == ["/a", "/c"]


def test_tags(ssm: Any) -> None:
    put(ssm, "/a", Tags=[{"Key": "x", "Value": "1"}])
    where = {"ResourceType": "Parameter", "ResourceId": "/a"}
    ssm.add_tags_to_resource(**where, Tags=[{"Key": "y", "Value": "2"}])
    ssm.remove_tags_from_resource(**where, TagKeys=["x"])
    assert ssm.list_tags_for_resource(**where)["TagList"] == [{"Key": "y", "Value": "2"}]
    with refused("InvalidResourceId", "not valid"):
        ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/nowhere")
    with refused("TooManyTagsError"):
        ssm.add_tags_to_resource(**where, Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])
    with refused("NotEmulatedYet", "Document"):
        ssm.list_tags_for_resource(ResourceType="Document", ResourceId="x")


def test_secrets_are_read_through_parameter_store(ssm: Any, aws: Aws) -> None:
    secret = aws("secretsmanager").create_secret(Name="prod/db", SecretString="s3cret")
    name = "/aws/reference/secretsmanager/prod/db"
    shown = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (shown["Value"], shown["Type"], shown["Name"], shown["Version"]) == ("s3cret", "SecureString", name, 0)
    assert secret["ARN"] in shown["SourceResult"]
    both = ssm.get_parameters(Names=[name, "/aws/reference/secretsmanager/nowhere"], WithDecryption=True)
    assert (len(both["Parameters"]), len(both["InvalidParameters"])) == (1, 1)
    with refused("ValidationException", "WithDecryption flag must be True"):
        ssm.get_parameter(Name=name)
    with refused("ParameterNotFound", "when referencing Secrets Manager: Secret .*nowhere not found"):
        ssm.get_parameter(Name="/aws/reference/secretsmanager/nowhere", WithDecryption=True)
