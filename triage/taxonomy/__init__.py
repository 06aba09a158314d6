"""The catalogue that clerks keep: units, topics, areas, dispatch catalogue, tier rules."""

from triage.taxonomy.catalogue import FILES, Catalogue, parse_catalogue
from triage.taxonomy.errors import CatalogueError
from triage.taxonomy.tables import Unit

__all__ = ["FILES", "Catalogue", "CatalogueError", "Unit", "parse_catalogue"]
