"""The map on the screen: Leaflet through folium, from this machine's own files.

Owns how points, clusters, the plain ground and the legend look, and what a tap gives back. A category is told by its
colour, its shape and its character, so that no colour needs to be told from another. Refuses other hosts: folium's
addresses of Leaflet, jQuery, Bootstrap and icon fonts are replaced by local ones or left out; only a base map that
the township configured is asked for elsewhere.
"""

from __future__ import annotations

import html
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import folium
import streamlit as st
from folium.plugins import FastMarkerCluster
from jinja2 import Template
from streamlit_folium import st_folium

from survey import db, i18n
from survey.cases import categories
from survey.fieldwork.hardship import FileView
from survey.i18n import gettext as _
from survey.maps import basemaps, layers
from survey.maps.basemaps import Box
from survey.maps.layers import HARDSHIP, Label, Layer, Point
from survey.rules import codes
from survey.ui import shell, state, wording

CASES = "cases"
HEIGHT_PX = 400
# As high as the tablet leaves below the filters, so that what a tap shows stands in view under the map.
_FILL_HEIGHT = "max(300px, calc(100dvh - 30.5rem))"
SMALL_HEIGHT_PX = 240
PICK_HEIGHT_PX = 320
_SMALL_DEGREES = 0.004
_NEAR_ZOOM = 16
_GRID_REACH = 2.0

_LEAFLET_JS = [("leaflet", "/assets/leaflet/leaflet.js?v=1.9.3")]
_LEAFLET_CSS = [("leaflet_css", "/assets/leaflet/leaflet.css?v=1.9.3")]
_CLUSTER_JS = [("markercluster", "/assets/markercluster/leaflet.markercluster.js?v=1.4.1")]
_CLUSTER_CSS = [
    ("markercluster_css", "/assets/markercluster/MarkerCluster.css?v=1.4.1"),
    ("markercluster_default_css", "/assets/markercluster/MarkerCluster.Default.css?v=1.4.1"),
]


@dataclass(frozen=True)
class Look:
    """How a category is drawn: fill colour, shape and one character."""

    color: str
    shape: str
    sign_zh: str
    sign_en: str


_SHAPES = {
    "circle": '<circle cx="22" cy="22" r="14"/>',
    "square": '<rect x="9" y="9" width="26" height="26" rx="3"/>',
    "diamond": '<path d="M22 5 39 22 22 39 5 22Z"/>',
    "triangle": '<path d="M22 4 40 37H4Z"/>',
    "house": '<path d="M22 5 38 19V38H6V19Z"/>',
}
_REQUEST_COLOR = "#5a5560"
LOOKS = {
    "road": Look("#8a4b08", "square", "路", "R"),
    "water": Look("#005fa3", "circle", "水", "W"),
    "health": Look("#a3124f", "diamond", "医", "H"),
    "school": Look("#00674a", "triangle", "学", "S"),
    "policy_question": Look(_REQUEST_COLOR, "circle", "策", "P"),
    "market_information": Look(_REQUEST_COLOR, "circle", "市", "M"),
    "technical_guidance": Look(_REQUEST_COLOR, "circle", "技", "T"),
    "formalities": Look(_REQUEST_COLOR, "circle", "办", "F"),
    "environment": Look(_REQUEST_COLOR, "circle", "环", "E"),
    "culture": Look(_REQUEST_COLOR, "circle", "文", "C"),
    "dispute": Look(_REQUEST_COLOR, "circle", "纷", "D"),
    "other": Look(_REQUEST_COLOR, "circle", "他", "O"),
    HARDSHIP: Look("#6a3d9a", "house", "困", "!"),
}
_PLACE_LOOK = Look("#b3261e", "diamond", "★", "★")

_FRAME_STYLE = """
<style>
  .leaflet-container { background: #efece6; font-family: inherit; }
  .leaflet-touch .leaflet-bar a, .leaflet-bar a { width: 44px; height: 44px; line-height: 44px; font-size: 24px; }
  .mq-pin { background: none; border: 0; }
  .mq-pin svg { filter: drop-shadow(0 1px 1px rgba(0,0,0,.45)); }
  .mq-cluster { background: none; border: 0; }
  .mq-cluster div { width: 44px; height: 44px; border-radius: 50%; background: #3d3a36; color: #fff; display: flex;
    align-items: center; justify-content: center; font: 700 15px sans-serif; border: 3px solid #fff;
    box-sizing: border-box; box-shadow: 0 1px 3px rgba(0,0,0,.5); }
  .mq-cluster.mq-late div { border-color: #d40000; }
  .mq-label { background: none; border: 0; pointer-events: none; }
  .mq-label span { position: absolute; transform: translate(-50%, 30px); white-space: nowrap; color: #45413c;
    font: 600 14px sans-serif; text-shadow: 0 0 3px #fff, 0 0 3px #fff, 0 0 3px #fff; }
</style>
"""

# Only where the page gives the frame its height: a frame that grows later would fit its points to nothing.
_FILL_STYLE = "<style>#map_div { height: 100vh !important; }</style>"

_CALLBACK = """(function () {
    var pins = %(pins)s, names = %(names)s;
    return function (row) {
        var name = names[row[2]] + (row[3] ? ' ' + %(late)s : '');
        var icon = L.divIcon({className: 'mq-pin', iconSize: [44, 44], html: pins[row[2]][row[3]]});
        var pin = L.marker([row[0], row[1]], {icon: icon, title: name, alt: name, late: row[3]});
        pin.feature = {type: 'Feature', properties: {id: row[4]}};
        return pin;
    };
})()"""

_CLUSTER_ICON = """function (cluster) {
    var late = cluster.getAllChildMarkers().some(function (pin) { return pin.options.late; });
    return L.divIcon({className: 'mq-cluster' + (late ? ' mq-late' : ''), iconSize: [44, 44],
        html: '<div>' + cluster.getChildCount() + '</div>'});
}"""


class _Ground(folium.MacroElement):
    """Zoom buttons and a note in the user's language; grid and village names where there is no base map."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        (function (map, ground) {
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
            "nearer": _("Nearer"),
            "farther": _("Farther"),
            "note": html.escape(_("Internal use, not for publication")),
            "lines": _grid_lines(box) if plain else [],
            "labels": [(label.lat, label.lon, html.escape(label.text)) for label in labels],
        }


class _Map(folium.Map):
    """A folium map that asks this server alone."""

    default_js = _LEAFLET_JS
    default_css = _LEAFLET_CSS


class _Cluster(FastMarkerCluster):
    """A folium cluster layer that asks this server alone."""

    default_js = _CLUSTER_JS
    default_css = _CLUSTER_CSS


def points_map(
    cases: Layer | None, hardship: Layer | None, labels: Sequence[Label], *, key: str
) -> tuple[str | None, str | None]:
    """Draw the layers; the tapped case's id and the tapped hardship household's id, at most one of them."""
    points = [*(cases.points if cases else ()), *(hardship.points if hardship else ())]
    drawn = _drawn(layers.extent(points or labels), labels, style=_FRAME_STYLE + _FILL_STYLE)
    if points:
        _cluster(points).add_to(drawn)
    st.html(f"<style>.st-key-mq_points_map iframe {{ height: {_FILL_HEIGHT} !important; }}</style>")
    with st.container(key="mq_points_map"):
        tapped = _tapped(_shown(drawn, key, HEIGHT_PX, ["last_active_drawing"]))
    looks = {point.id: point.look for point in points}
    if tapped not in looks:
        return None, None
    return (None, tapped) if looks[tapped] == HARDSHIP else (tapped, None)


def legend(shown: Sequence[str]) -> None:
    """What the signs mean, for the categories shown, and how an overdue one looks."""
    entries = [(_pin(look, late=False), _name(look)) for look in shown if look in LOOKS]
    entries.append((_ring(), _("Overdue (red ring)")))
    items = "".join(
        f'<span class="mq-legend-item"><img alt="" src="{_picture(svg)}">{wording.escaped(name)}</span>'
        for svg, name in entries
    )
    st.html(
        "<style>.mq-legend { display: flex; flex-wrap: wrap; gap: .15rem .9rem; align-items: center; }"
        ".mq-legend-item { display: inline-flex; align-items: center; gap: .2rem; }"
        ".mq-legend img { width: 32px; height: 32px; }</style>"
        f'<div class="mq-legend">{items}</div>'
    )


def small_map(lat: float, lon: float, labels: Sequence[Label] = (), *, key: str = "small_map") -> None:
    """One place on a small map, for the household page (WGS84 degrees)."""
    drawn = _drawn(Box(lat, lon, lat, lon).widened(_SMALL_DEGREES), labels)
    _pin_marker(lat, lon).add_to(drawn)
    _shown(drawn, key, SMALL_HEIGHT_PX, [])


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
    drawn = _drawn(Box(*start, *start).widened(_SMALL_DEGREES), labels)
    pin = folium.FeatureGroup()
    if known is not None:
        _pin_marker(*known).add_to(pin)
    clicked = _shown(drawn, key, PICK_HEIGHT_PX, ["last_clicked"], pin).get("last_clicked")
    place = (round(clicked["lat"], 6), round(clicked["lng"], 6)) if clicked else None
    if place is None or place == tapped:
        return None
    state.keep(f"map_tap_{key}", place)
    return place


def _drawn(box: Box, labels: Sequence[Label], *, style: str = _FRAME_STYLE) -> _Map:
    basemap = basemaps.configured(db.current().settings)
    drawn = _Map(
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
    drawn.fit_bounds([[box.south, box.west], [box.north, box.east]], max_zoom=_NEAR_ZOOM)
    figure: Any = drawn.get_root()
    figure.header.add_child(folium.Element(style))
    return drawn


def _shown(
    drawn: _Map, key: str, height_px: int, returned: list[str], group: folium.FeatureGroup | None = None
) -> dict[str, Any]:
    answer: dict[str, Any] | None = st_folium(
        drawn,
        key=key,
        height=height_px,
        use_container_width=True,
        returned_objects=returned,
        feature_group_to_add=group,
    )
    return answer or {}


def _tapped(answer: dict[str, Any]) -> str | None:
    drawing = answer.get("last_active_drawing") or {}
    found: str | None = drawing.get("properties", {}).get("id")
    return found


def _cluster(points: Sequence[Point]) -> _Cluster:
    looks = list(LOOKS)
    rows = [
        [
            point.lat,
            point.lon,
            looks.index(point.look if point.look in LOOKS else "other"),
            int(point.overdue),
            point.id,
        ]
        for point in points
    ]
    callback = _CALLBACK % {
        "pins": json.dumps([[_pin(look, late=False), _pin(look, late=True)] for look in looks]),
        "names": json.dumps([_name(look) for look in looks]),
        "late": json.dumps(_("overdue")),
    }
    return _Cluster(  # type: ignore[no-untyped-call]
        rows,
        callback=callback,
        icon_create_function=_CLUSTER_ICON,
        show_coverage_on_hover=False,
        max_cluster_radius=48,
    )


def _pin_marker(lat: float, lon: float) -> folium.Marker:
    icon = folium.DivIcon(
        icon_size=(44, 44), icon_anchor=(22, 22), html=_drawing(_PLACE_LOOK, late=False), class_name="mq-pin"
    )
    return folium.Marker((lat, lon), icon=icon, interactive=False)


def _pin(look: str, *, late: bool) -> str:
    return _drawing(LOOKS[look], late=late)


def _drawing(look: Look, *, late: bool) -> str:
    sign = look.sign_en if i18n.language() == "en" else look.sign_zh
    ring = '<circle cx="22" cy="22" r="20" fill="none" stroke="#d40000" stroke-width="4"/>' if late else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="44" height="44" viewBox="0 0 44 44">'
        f'<g fill="{look.color}" stroke="#fff" stroke-width="2">{_SHAPES[look.shape]}</g>'
        f'<text x="22" y="28" text-anchor="middle" font-size="16" font-weight="700" fill="#fff">{sign}</text>{ring}</svg>'
    )


def _picture(svg: str) -> str:
    # Streamlit takes drawings out of HTML, but leaves pictures with their content in the address.
    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()


def _ring() -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 44 44">'
        '<circle cx="22" cy="22" r="17" fill="none" stroke="#d40000" stroke-width="5"/></svg>'
    )


def _name(look: str) -> str:
    return _("Hardship household") if look == HARDSHIP else categories.label(look)


def _grid_lines(box: Box) -> list[list[tuple[float, float]]]:
    lats, lons = basemaps.grid(box, reach=_GRID_REACH)
    if not lats or not lons:
        return []
    across = [[(lat, lons[0]), (lat, lons[-1])] for lat in lats]
    return across + [[(lats[0], lon), (lats[-1], lon)] for lon in lons]


def layer_choice(*, with_hardship: bool) -> list[str]:
    """Draw the choice of layers; those chosen. Without hardship files there is only one and no choice."""
    names = {CASES: _("Cases not finished"), HARDSHIP: _("Hardship households")}
    if not with_hardship:
        return [CASES]
    return st.pills(
        _("Shown on the map"),
        list(names),
        selection_mode="multi",
        default=list(names),
        format_func=lambda layer: names[layer],
        label_visibility="collapsed",
        key="mq_map_layers",
    )


def counts(cases: Layer | None, hardship: Layer | None) -> None:
    """How much of each layer is on the map, and why the rest is not."""
    sentences = []
    if cases:
        sentences.append(_("{n} of {total} cases shown", n=cases.shown, total=cases.total))
    if hardship:
        sentences.append(
            _("{n} of {total} hardship households shown", n=hardship.shown, total=hardship.total)
        )
    drawn = [layer for layer in (cases, hardship) if layer]
    if any(layer.is_cut for layer in drawn):
        sentences.append(_("choose a village to see the rest"))
    elif any(layer.shown < layer.total for layer in drawn):
        sentences.append(_("the others have no place yet"))
    st.caption(" · ".join(sentences) or _("Choose what the map is to show."))


def looks_of(*shown: Layer | None) -> list[str]:
    """The categories that stand on the map, in the order of the legend."""
    present = {point.look for layer in shown if layer for point in layer.points}
    return [look for look in LOOKS if look in present]


def hardship_row(file: FileView, on: date) -> shell.Row:
    """A hardship household tapped on the map, as one entry of a list."""
    late = file.next_contact_on is not None and file.next_contact_on < on
    details = [file.area_name, codes.label("hardship_category", file.category), file.contact_name or ""]
    return shell.Row(
        key=file.household_id,
        title=file.head_name,
        detail=" · ".join(part for part in details if part),
        badge=_("contact overdue") if late else "",
        color="red",
        icon=":material/volunteer_activism:",
    )
