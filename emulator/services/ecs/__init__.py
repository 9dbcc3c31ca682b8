"""Amazon ECS: what its API does. Handlers write what is desired; control makes it so."""

from emulator.services.ecs import clusters

MODULES = (clusters,)
