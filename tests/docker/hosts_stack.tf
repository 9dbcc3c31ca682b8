# What stacks of ECS on EC2 make: hosts of an Auto Scaling group, a capacity provider that scales it, a service on it.

variable "most" { default = 2 }
variable "image" { default = "unused" }
data "aws_ssm_parameter" "image" {
  name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
}
data "aws_ami" "ecs" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["al2023-ami-ecs-hvm-*-x86_64"]
  }
}
resource "aws_iam_role" "host" {
  name = "stack-host"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}
resource "aws_iam_role_policy_attachment" "host" {
  role       = aws_iam_role.host.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}
resource "aws_iam_instance_profile" "host" {
  name = "stack-host"
  role = aws_iam_role.host.name
}
resource "aws_launch_template" "host" {
  name_prefix            = "stack-host-"
  image_id               = data.aws_ssm_parameter.image.insecure_value
  instance_type          = "t3.medium"
  update_default_version = true
  user_data              = base64encode("#!/bin/bash\necho ECS_CLUSTER=stack >> /etc/ecs/ecs.config\n")
  iam_instance_profile { arn = aws_iam_instance_profile.host.arn }
  monitoring { enabled = true }
  metadata_options { http_tokens = "required" }
  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "stack-host" }
  }
}
resource "aws_autoscaling_group" "host" {
  name                  = "stack-hosts"
  min_size              = 0
  max_size              = var.most
  vpc_zone_identifier   = data.aws_subnets.default.ids
  protect_from_scale_in = true
  force_delete          = true
  launch_template {
    id      = aws_launch_template.host.id
    version = "$Latest"
  }
  tag {
    key                 = "AmazonECSManaged"
    value               = ""
    propagate_at_launch = true
  }
  lifecycle { ignore_changes = [desired_capacity] }
}
resource "aws_ecs_capacity_provider" "host" {
  name = "stack-hosts"
  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.host.arn
    managed_termination_protection = "ENABLED"
    managed_scaling {
      status          = "ENABLED"
      target_capacity = 100 / (var.most - 1)
    }
  }
}
resource "aws_ecs_cluster" "hosts" { name = "stack" }
resource "aws_ecs_cluster_capacity_providers" "hosts" {
  cluster_name       = aws_ecs_cluster.hosts.name
  capacity_providers = [aws_ecs_capacity_provider.host.name, "FARGATE"]
  default_capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.host.name
    weight            = 1
  }
}
resource "aws_ecs_task_definition" "app" {
  family                   = "stack-app"
  requires_compatibilities = ["EC2"]
  network_mode             = "bridge"
  container_definitions = jsonencode([{
    name = "app", image = var.image, cpu = 1024, memory = 128, essential = true, stopTimeout = 2
    entryPoint = ["sleep", "3600"]
  }])
}
resource "aws_ecs_service" "app" {
  name            = "app"
  cluster         = aws_ecs_cluster_capacity_providers.hosts.cluster_name
  task_definition = aws_ecs_task_definition.app.arn
  desired_count   = 2
  capacity_provider_strategy {
    capacity_provider = aws_ecs_capacity_provider.host.name
    weight            = 1
  }
}
output "same_image" { value = nonsensitive(data.aws_ssm_parameter.image.value) == data.aws_ami.ecs.id }
