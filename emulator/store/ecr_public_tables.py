"""Tables of the public registry. Its repositories, images and layers stand in ECR's tables, under region `public`."""

from __future__ import annotations

from emulator.domain.ecr.public_registry import CatalogData, PublicRegistry
from emulator.store.tables import Table

PUBLIC_REGISTRIES = Table("ecr_public_registries", PublicRegistry, key=("account",))

CATALOG_DATA = Table("ecr_public_catalog_data", CatalogData, key=("account", "repository"))

TABLES = (PUBLIC_REGISTRIES, CATALOG_DATA)
