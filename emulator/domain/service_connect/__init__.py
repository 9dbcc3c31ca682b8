"""ECS Service Connect: what a configuration may say, which aliases a task knows, and who answers behind each."""
