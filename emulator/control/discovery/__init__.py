"""Who finds whom: AWS Cloud Map kept true, and the proxies of Service Connect."""
