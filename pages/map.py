"""The map: cases not finished and hardship households in the actor's areas."""

import streamlit as st

from survey import db
from survey.access.permissions import Action
from survey.areas import register
from survey.cases import worklists
from survey.fieldwork import hardship
from survey.i18n import gettext as _
from survey.i18n import today
from survey.maps import layers
from survey.ui import cases, map_points, map_signs, navigation, shell

actor = shell.page(_("Map"))
on = today()
with db.reading() as session:
    villages = register.villages(session, actor, on=on)
    labels = layers.labels(session, actor, on)
chosen = cases.filters(villages, with_mine=False)
wanted = map_points.layer_choice(with_hardship=actor.may(Action.HARDSHIP_READ))
case_id, household_id = map_points.points_map(chosen, wanted, labels, key="map")
if not wanted:
    st.caption(_("Choose what the map is to show."))
with db.reading() as session:
    case = worklists.case(session, actor, case_id, on).row if case_id else None
    file = hardship.file_of(session, actor, household_id, on=on) if household_id else None
if case and cases.list_rows([case], "map_case"):
    navigation.go(navigation.CASES, case=case.id)
if file and shell.rows("map_household", [map_points.hardship_row(file, on)]):
    navigation.go(navigation.HOUSEHOLDS, household=file.household_id)
map_signs.legend(map_points.signs(chosen, wanted))
