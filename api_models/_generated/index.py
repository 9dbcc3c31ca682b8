"""How a request names each service, from botocore 1.44.5.

Written by `python -m api_models.generate`, never edited by hand.
"""

from __future__ import annotations

from api_models.service_index import ServiceIndex

SERVICES = {
    "autoscaling": ServiceIndex(None, "autoscaling", "query"),
    "ec2": ServiceIndex(None, "ec2", "ec2"),
    "ecr": ServiceIndex("AmazonEC2ContainerRegistry_V20150921", "ecr", "json"),
    "ecr-public": ServiceIndex("SpencerFrontendService", "ecr-public", "json"),
    "ecs": ServiceIndex("AmazonEC2ContainerServiceV20141113", "ecs", "json"),
    "iam": ServiceIndex(None, "iam", "query"),
    "logs": ServiceIndex("Logs_20140328", "logs", "json"),
    "secretsmanager": ServiceIndex("secretsmanager", "secretsmanager", "json"),
    "servicediscovery": ServiceIndex("Route53AutoNaming_v20170314", "servicediscovery", "json"),
    "ssm": ServiceIndex("AmazonSSM", "ssm", "json"),
    "sts": ServiceIndex(None, "sts", "query"),
}
