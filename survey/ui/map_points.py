"""The map of unresolved cases and hardship households, whose points the browser fetches by itself.

Owns the choice of layers, how points gather in clusters, the sentence about what is shown, and what a tap gives back.
A rerun of the page reads no point: they come from `/map/points`, under the filters and within the actor's areas.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

import folium
import streamlit as st
from folium.elements import JSCSSMixin
from jinja2 import Template

from survey.cases.worklists import CaseFilter
from survey.fieldwork.hardship import FileView
from survey.i18n import gettext as _
from survey.maps import layers
from survey.maps.layers import CASES, HARDSHIP, Label
from survey.rules import codes
from survey.ui import map as maps
from survey.ui import map_signs, shell

HEIGHT_PX = 400
POINTS = "/map/points"
# As high as the tablet leaves below the filters, so that what a tap shows stands in view under the map.
_FILL_HEIGHT = "max(300px, calc(100dvh - 28.5rem))"
# Only where the page gives the frame its height: a frame that grows later would fit its points to nothing.
_STYLE = """
<style>
  #map_div { height: 100vh !important; }
  .mq-cluster { background: none; border: 0; }
  .mq-cluster div { width: 44px; height: 44px; border-radius: 50%; background: #3d3a36; color: #fff; display: flex;
    align-items: center; justify-content: center; font: 700 15px sans-serif; border: 3px solid #fff;
    box-sizing: border-box; box-shadow: 0 1px 3px rgba(0,0,0,.5); }
  .mq-cluster.mq-late div { border-color: #d40000; }
  .mq-said { background: rgba(255,255,255,.92); border-radius: 6px; padding: 4px 10px; color: #1f2421;
    font: 500 15px/1.5 sans-serif; max-width: 70vw; }
</style>
"""


class _Points(JSCSSMixin, folium.MacroElement):
    """A cluster layer that fetches its points and says how many there are."""

    default_js = [("markercluster", "/assets/markercluster/leaflet.markercluster.js?v=1.4.1")]  # noqa: RUF012
    default_css = [  # noqa: RUF012
        ("markercluster_css", "/assets/markercluster/MarkerCluster.css?v=1.4.1"),
        ("markercluster_default_css", "/assets/markercluster/MarkerCluster.Default.css?v=1.4.1"),
    ]
    _template = Template(
        """
        {% macro script(this, kwargs) %}
        (function (map, wanted) {
            var cluster = L.markerClusterGroup({showCoverageOnHover: false, maxClusterRadius: 48,
                iconCreateFunction: function (group) {
                    var late = group.getAllChildMarkers().some(function (pin) { return pin.options.late; });
                    return L.divIcon({className: 'mq-cluster' + (late ? ' mq-late' : ''), iconSize: [44, 44],
                        html: '<div>' + group.getChildCount() + '</div>'});
                }});
            map.addLayer(cluster);
            var note = L.control({position: 'bottomleft'}), box = L.DomUtil.create('div', 'mq-said');
            box.setAttribute('role', 'status');
            box.textContent = wanted.waiting;
            note.onAdd = function () { return box; };
            note.addTo(map);
            // The frame gets its height after the map was made: what is fitted before is fitted to nothing.
            function fit() {
                new ResizeObserver(function (_sizes, watching) {
                    map.invalidateSize({pan: false});
                    if (map.getSize().y < 200) { return; }
                    watching.disconnect();
                    map.fitBounds(cluster.getBounds(), {maxZoom: wanted.nearest, padding: [36, 36], animate: false});
                }).observe(map.getContainer());
            }
            function pin(row) {
                var sign = wanted.signs[row[2]] || wanted.signs.other, late = Boolean(row[3]);
                var name = sign.name + (late ? ' ' + wanted.late : '');
                var icon = L.divIcon({className: 'mq-pin', iconSize: [44, 44], html: late ? sign.late : sign.pin});
                var marker = L.marker([row[0], row[1]], {icon: icon, title: name, alt: name, late: late});
                marker.feature = {type: 'Feature', properties: {layer: row[4], id: row[5]}};
                return marker;
            }
            fetch(wanted.address, {credentials: 'same-origin'}).then(function (answer) {
                if (!answer.ok) { throw new Error(answer.status); }
                return answer.json();
            }).then(function (found) {
                cluster.addLayers(found.points.map(pin));
                if (found.points.length) { fit(); }
                box.textContent = found.said;
            }).catch(function () { box.textContent = wanted.failed; });
        })({{ this._parent.get_name() }}, {{ this.wanted|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, address: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Points"
        self.wanted = {
            "address": address,
            "nearest": maps.NEAR_ZOOM,
            "waiting": _("Fetching the points"),
            "failed": _("The points could not be fetched. Check the network and open the map again."),
            "late": _("overdue"),
            "signs": {
                key: {
                    "pin": map_signs.pin(look),
                    "late": map_signs.pin(look, late=True),
                    "name": map_signs.name(key),
                }
                for key, look in map_signs.LOOKS.items()
            },
        }


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


def points_map(
    chosen: CaseFilter, wanted: Sequence[str], labels: Sequence[Label], *, key: str
) -> tuple[str | None, str | None]:
    """Draw the layers; the tapped case's id and the tapped hardship household's id, at most one of them."""
    drawn = maps.drawn_at(layers.extent(labels), labels, style=maps.FRAME_STYLE + _STYLE)
    if wanted:
        _Points(address(chosen, wanted)).add_to(drawn)
    st.html(f"<style>.st-key-mq_points_map iframe {{ height: {_FILL_HEIGHT} !important; }}</style>")
    with st.container(key="mq_points_map"):
        layer, tapped = _tapped(maps.shown(drawn, key, HEIGHT_PX, ["last_active_drawing"]))
    if layer not in wanted:
        return None, None
    return (None, tapped) if layer == HARDSHIP else (tapped, None)


def address(chosen: CaseFilter, wanted: Sequence[str]) -> str:
    """Where the browser fetches the points of these layers under this filter.

    >>> address(CaseFilter(village="511922125200", overdue=True), ["cases"])
    '/map/points?layers=cases&village=511922125200&overdue=1'
    """
    query = {"layers": ",".join(wanted), "village": chosen.village, "category": chosen.category}
    given = {name: value for name, value in query.items() if value}
    return f"{POINTS}?{urlencode(given | ({'overdue': '1'} if chosen.overdue else {}))}"


def signs(chosen: CaseFilter, wanted: Sequence[str]) -> list[str]:
    """The signs that may stand on the map under this filter, in the order of the legend."""
    shown = {HARDSHIP} & set(wanted)
    if CASES in wanted:
        shown |= {chosen.category} if chosen.category else set(map_signs.LOOKS) - {HARDSHIP}
    return [look for look in map_signs.LOOKS if look in shown]


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


def _tapped(answer: dict[str, Any]) -> tuple[str, str]:
    properties = (answer.get("last_active_drawing") or {}).get("properties", {})
    return str(properties.get("layer", "")), str(properties.get("id", ""))
