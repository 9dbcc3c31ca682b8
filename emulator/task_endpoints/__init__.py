"""What stands behind 169.254.170.2 in a task: its metadata, its role's credentials, its protection.

Each container has an id of its own that nobody can guess; the paths carry it. Nothing here acts: it reads the store and
what control has seen, and writes credentials and protection.
"""
