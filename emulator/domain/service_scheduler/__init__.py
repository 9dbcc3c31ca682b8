"""What a service wants next: counts, deployments, roll-outs, task sets, daemons, and what it says of it."""
