"""The map on the screen: Leaflet through folium, from this machine's own files.

Owns the frame, the plain ground, one place on a small map and picking a place. Refuses other hosts: folium's
addresses of Leaflet, jQuery, Bootstrap and icon fonts are replaced by local ones or left out; only a base map that
the township configured is asked for elsewhere.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import folium
from jinja2 import Template
from streamlit_folium import st_folium

from survey import db
from survey.i18n import gettext as _
from survey.maps import basemaps
from survey.maps.basemaps import Box
from survey.maps.layers import Label
from survey.ui import map_signs, state

SMALL_HEIGHT_PX = 240
PICK_HEIGHT_PX = 320
_SMALL_DEGREES = 0.004
NEAR_ZOOM = 16
_GRID_REACH = 2.0

_LEAFLET_JS = [("leaflet", "/assets/leaflet/leaflet.js?v=1.9.3")]
_LEAFLET_CSS = [("leaflet_css", "/assets/leaflet/leaflet.css?v=1.9.3")]


FRAME_STYLE = """
<style>
  .leaflet-container { background: #efece6; font-family: inherit; }
  .leaflet-touch .leaflet-bar a, .leaflet-bar a { width: 44px; height: 44px; line-height: 44px; font-size: 24px; }
  .mq-pin { background: none; border: 0; }
  .mq-pin svg { filter: drop-shadow(0 1px 1px rgba(0,0,0,.45)); }
  .mq-label { background: none; border: 0; pointer-events: none; }
  .mq-label span { position: absolute; transform: translate(-50%, 30px); white-space: nowrap; color: #45413c;
    font: 600 14px sans-serif; text-shadow: 0 0 3px #fff, 0 0 3px #fff, 0 0 3px #fff; }
</style>
"""


class _Ground(folium.MacroElement):
    """Zoom buttons and a note in the user's language; grid and village names where there is no base map."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        (function (map, ground) {
            // Without animation: its end would undo what is fitted meanwhile.
            map.fitBounds(ground.box, {maxZoom: ground.nearest, animate: false});
            L.control.zoom({zoomInTitle: ground.nearer, zoomOutTitle: ground.farther}).addTo(map);
            map.attributionControl.setPrefix(false).addAttribution(ground.note);
            L.control.scale({imperial: false}).addTo(map);
            ground.lines.forEach(function (line) {
                L.polyline(line, {color: '#cfc9bf', weight: 1, interactive: false}).addTo(map);
            });
            var names = ground.labels.map(function (label) {
                return L.marker([label[0], label[1]], {interactive: false, keyboard: false, zIndexOffset: -1000,
                    icon: L.divIcon({className: 'mq-label', iconSize: [0, 0],
                        html: '<span>' + label[2] + '</span>'})}).addTo(map);
            });
            // A name that would lie over another is left out until the map is nearer.
            function thin() {
                var kept = [];
                names.forEach(function (name) {
                    var at = map.latLngToLayerPoint(name.getLatLng());
                    var free = kept.every(function (other) {
                        return Math.abs(other.x - at.x) > 80 || Math.abs(other.y - at.y) > 22;
                    });
                    name.setOpacity(free ? 1 : 0);
                    if (free) { kept.push(at); }
                });
            }
            map.on('zoomend', thin);
            map.whenReady(thin);
        })({{ this._parent.get_name() }}, {{ this.ground|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, box: Box, labels: Sequence[Label], *, plain: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Ground"
        self.ground = {
            "box": [[box.south, box.west], [box.north, box.east]],
            "nearest": NEAR_ZOOM,
            "nearer": _("Nearer"),
            "farther": _("Farther"),
            "note": html.escape(_("Internal use, not for publication")),
            "lines": _grid_lines(box) if plain else [],
            "labels": [(label.lat, label.lon, html.escape(label.text)) for label in labels],
        }


class Map(folium.Map):
    """A folium map that asks this server alone."""

    default_js = _LEAFLET_JS
    default_css = _LEAFLET_CSS


def small_map(lat: float, lon: float, labels: Sequence[Label] = (), *, key: str = "small_map") -> None:
    """One place on a small map, for the household page (WGS84 degrees)."""
    drawn = drawn_at(Box(lat, lon, lat, lon).widened(_SMALL_DEGREES), labels)
    _pin_marker(lat, lon).add_to(drawn)
    shown(drawn, key, SMALL_HEIGHT_PX, [])


def pick_place(
    lat: float | None,
    lon: float | None,
    centre: tuple[float, float] | None = None,
    labels: Sequence[Label] = (),
    *,
    key: str = "pick_place",
) -> tuple[float, float] | None:
    """A map on which a tap sets the place; the place of a new tap, else nothing.

    `lat`, `lon` is the place known so far and is drawn as a pin; `centre` is where to look without one. A tap is
    given back once: the caller keeps it and passes it in as the place at the next run. The map stays where it is
    while the place is the last tap, and moves to a place that comes from elsewhere.
    """
    known = (lat, lon) if lat is not None and lon is not None else None
    tapped = state.kept(f"map_tap_{key}")
    start = state.kept(f"map_start_{key}") if known is not None and known == tapped else None
    start = start or known or centre or basemaps.DEFAULT_VIEW
    state.keep(f"map_start_{key}", start)
    drawn = drawn_at(Box(*start, *start).widened(_SMALL_DEGREES), labels)
    pin = folium.FeatureGroup()
    if known is not None:
        _pin_marker(*known).add_to(pin)
    clicked = shown(drawn, key, PICK_HEIGHT_PX, ["last_clicked"], pin).get("last_clicked")
    place = (round(clicked["lat"], 6), round(clicked["lng"], 6)) if clicked else None
    if place is None or place == tapped:
        return None
    state.keep(f"map_tap_{key}", place)
    return place


def drawn_at(box: Box, labels: Sequence[Label], *, style: str = FRAME_STYLE) -> Map:
    """An empty map that shows this rectangle, on the township's base map or the plain ground."""
    basemap = basemaps.configured(db.current().settings)
    drawn = Map(
        ((box.south + box.north) / 2, (box.west + box.east) / 2),
        tiles=None,
        zoom_control=False,
        zoom_start=13,
    )
    drawn.options["maxZoom"] = basemaps.MAX_ZOOM
    # Tiles are drawn for whole zooms; the plain ground may fit its points exactly.
    drawn.options["zoomSnap"] = 1 if basemap else 0.25
    if basemap:
        folium.TileLayer(
            basemap.url, attr=basemap.attribution or " ", max_zoom=basemaps.MAX_ZOOM, control=False
        ).add_to(drawn)
    _Ground(box, labels, plain=basemap is None).add_to(drawn)
    figure: Any = drawn.get_root()
    figure.header.add_child(folium.Element(style))
    return drawn


def shown(
    drawn: Map, key: str, height_px: int, returned: list[str], group: folium.FeatureGroup | None = None
) -> dict[str, Any]:
    """Put a map on the page; what the browser gives back of it, under the names in `returned`."""
    answer: dict[str, Any] | None = st_folium(
        drawn,
        key=key,
        height=height_px,
        use_container_width=True,
        returned_objects=returned,
        feature_group_to_add=group,
    )
    return answer or {}


def _pin_marker(lat: float, lon: float) -> folium.Marker:
    icon = folium.DivIcon(
        icon_size=(44, 44),
        icon_anchor=(22, 22),
        html=map_signs.pin(map_signs.PLACE_LOOK),
        class_name="mq-pin",
    )
    return folium.Marker((lat, lon), icon=icon, interactive=False)


def _grid_lines(box: Box) -> list[list[tuple[float, float]]]:
    lats, lons = basemaps.grid(box, reach=_GRID_REACH)
    if not lats or not lons:
        return []
    across = [[(lat, lons[0]), (lat, lons[-1])] for lat in lats]
    return across + [[(lats[0], lon), (lats[-1], lon)] for lon in lons]
