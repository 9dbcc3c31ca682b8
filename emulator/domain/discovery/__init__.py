"""AWS Cloud Map: namespaces, the services in them, their instances; what is discovered and what DNS answers."""
