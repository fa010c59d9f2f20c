"""Gauges and their last month from Hub'Eau, page after page (HTTP 206, cursor in `next`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twin.errors import InputError
from twin.fetch.http import Answer, Apart, Client, Damaged, FetchError, with_query
from twin.grid import Bounds
from twin.layers import hubeau
from twin.messages import figure, text


@dataclass(frozen=True)
class GaugeService:
    """The service: its address and observations a page."""

    url: str
    size: int = 5000


def stations(client: Client, service: GaugeService, degrees: Bounds) -> list[hubeau.Station]:
    """Stations in service within a box (west, south, east, north in degrees)."""
    box = ",".join(f"{value:.6f}" for value in degrees)
    url = with_query(f"{service.url}/referentiel/stations", bbox=box, format="json", size=service.size)
    return [station for station in hubeau.stations(_all(client, url)) if station.in_service]


def observations(
    client: Client, service: GaugeService, code: str, quantity: hubeau.Quantity, since: str
) -> list[dict[str, Any]]:
    """Real-time observations of a station since a time (ISO, UTC)."""
    url = with_query(
        f"{service.url}/observations_tr", code_entite=code, grandeur_hydro=quantity, date_debut_obs=since,
        size=service.size, sort="asc",
    )  # fmt: skip
    return _all(client, url)


def _all(client: Client, url: str) -> list[dict[str, Any]]:
    """The rows of all pages: as many as the first says there are, or more (gauges go on measuring)."""
    return client.together(lambda: _pages(client, url))


def _pages(client: Client, url: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    count: int | None = None
    following: str | None = url
    asked: set[str] = set()
    while following is not None:
        if following in asked:
            raise FetchError(text("fetch.turns_round", url=following))
        asked.add(following)
        page, following, said = client.get(following, _page)
        count = said if count is None else count
        rows += page
    if count is not None and len(rows) < count:
        raise Apart(
            text(
                "fetch.short", type_name=url, got=figure(len(rows), digits=0), matched=figure(count, digits=0)
            )
        )
    return rows


def _page(answer: Answer) -> tuple[list[dict[str, Any]], str | None, int]:
    try:
        return hubeau.rows_of(answer.body, answer.url)
    except InputError as error:
        raise Damaged(str(error.problems[0].found)) from error
