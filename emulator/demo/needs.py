"""What the guided tour needs beside Homeport: an AWS CLI, a port, a task definition as in the tutorials."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from emulator.config import DEFAULT_PORT, environment

ACCOUNT, REGION = "123456789012", "us-east-1"
REAL_NAME = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/my-app"
GROUP = "/ecs/my-app"
NETWORK = "awsvpcConfiguration={subnets=[subnet-aaaa,subnet-bbbb],securityGroups=[sg-12345678]}"


def ensure_aws() -> tuple[int, ...]:
    """The version of the AWS CLI of the tour: the machine's, or else one installed beside us.

    The machine's must know AWS_ENDPOINT_URL, which came with 1.29 and 2.13; Debian 12 has an older one.
    """
    bin_dir = Path(sys.executable).parent
    version = aws_version(f"{bin_dir}{os.pathsep}{environment().get('PATH', os.defpath)}")
    if version >= (2, 13) or (1, 29) <= version < (2,):
        return version
    found = f"the aws command here is too old ({'.'.join(map(str, version))})" if version else "no aws command here"
    print(f"demo: {found}: installing the AWS CLI into the virtual environment", flush=True)
    own = bin_dir.parent / "awscli"
    subprocess.run([sys.executable, "-m", "venv", str(own)], check=True)
    subprocess.run([str(own / "bin" / "pip"), "install", "--quiet", "awscli"], check=True)
    (bin_dir / "aws").symlink_to(own / "bin" / "aws")
    return aws_version(str(bin_dir))


def aws_version(path: str) -> tuple[int, ...]:
    """Of the `aws` found first there; () when there is none, or it does not run."""
    command = shutil.which("aws", path=path)
    if command is None:
        return ()
    said = subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout
    number = said.partition("aws-cli/")[2].partition(" ")[0]
    return tuple(int(part) for part in number.split(".") if part.isdecimal())


def free_port() -> int:
    """4566, or another that is free when that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            print(f"demo: port {DEFAULT_PORT} is taken; another is used")
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def task_definition(secret_arn: str) -> dict[str, Any]:
    """As in the tutorials: image, port, secret, awslogs, health check."""
    return {
        "family": "my-app",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/ecsTaskExecutionRole",
        "containerDefinitions": [
            {
                "name": "my-app",
                "image": f"{REAL_NAME}:latest",
                "essential": True,
                "portMappings": [{"containerPort": 80, "protocol": "tcp"}],
                "environment": [{"name": "ENV", "value": "production"}],
                "secrets": [{"name": "DB_PASSWORD", "valueFrom": secret_arn}],
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": GROUP,
                        "awslogs-region": REGION,
                        "awslogs-stream-prefix": "ecs",
                    },
                },
                "healthCheck": {
                    "command": ["CMD-SHELL", "wget -q -O /dev/null http://localhost/ || exit 1"],
                    "interval": 5,
                    "timeout": 2,
                    "retries": 3,
                },
            }
        ],
    }
