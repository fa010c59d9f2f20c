"""Services → a territory folder: Géoplateforme (WFS, WMS of heights), Hub'Eau, files (`twin fetch`)."""

from twin.fetch.http import FetchError
from twin.fetch.services import Services
from twin.fetch.territory import fetch

__all__ = ["FetchError", "Services", "fetch"]
