# Service discovery: a private namespace, a service in it, an ECS service that registers its tasks; and an HTTP namespace.

resource "aws_service_discovery_private_dns_namespace" "local" {
  name = "stack.local"
  vpc  = aws_vpc.main.id
}
resource "aws_service_discovery_http_namespace" "api" {
  name = "stack"
  tags = { team = "a" }
}
resource "aws_service_discovery_service" "web" {
  name = "web"
  dns_config {
    namespace_id = aws_service_discovery_private_dns_namespace.local.id
    dns_records {
      type = "A"
      ttl  = 10
    }
  }
  health_check_custom_config { failure_threshold = 1 }
}
resource "aws_ecs_cluster" "discovery" {
  name = "discovery"
  service_connect_defaults { namespace = aws_service_discovery_http_namespace.api.arn }
}
resource "aws_ecs_task_definition" "web" {
  family                   = "discovery"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 256
  memory                   = 512
  container_definitions    = jsonencode([{ name = "app", image = var.image }])
}
resource "aws_ecs_service" "web" {
  name            = "web"
  cluster         = aws_ecs_cluster.discovery.id
  task_definition = aws_ecs_task_definition.web.arn
  launch_type     = "FARGATE"
  desired_count   = 1
  network_configuration { subnets = [aws_subnet.private.id] }
  service_registries { registry_arn = aws_service_discovery_service.web.arn }
}
