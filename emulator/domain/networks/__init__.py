"""Addresses, VPCs, security groups and ports, and how a task is reached."""
