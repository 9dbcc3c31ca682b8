"""Sessions of ECS Exec that are under way."""
