"""CloudWatch Logs: batches, patterns, delivery."""
