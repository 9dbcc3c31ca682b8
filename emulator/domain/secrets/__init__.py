"""Secrets Manager and Parameter Store."""
