"""Hosts come and go: instances, Auto Scaling groups, capacity providers, and tasks that wait for them."""
