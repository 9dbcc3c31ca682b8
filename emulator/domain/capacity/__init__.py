"""Where tasks go, and what there is to go to: placement, instances, capacity providers, Auto Scaling groups."""
