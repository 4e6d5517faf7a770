"""The map: cases not finished and hardship households in the actor's areas."""

import streamlit as st

from survey import db
from survey.access.permissions import Action
from survey.areas import register
from survey.cases import worklists
from survey.fieldwork import hardship
from survey.i18n import gettext as _
from survey.maps import layers
from survey.ui import cases, navigation, shell
from survey.ui import map as township_map

actor = shell.page(_("Map"))
on = cases.today()
with db.reading() as session:
    villages = register.villages(session, actor, on=on)
chosen = cases.filters(villages, with_mine=False)
with st.container(horizontal=True, vertical_alignment="center"):
    wanted = township_map.layer_choice(with_hardship=actor.may(Action.HARDSHIP_READ))
    said = st.empty()
case_layer = hardship_layer = None
with db.reading() as session:
    if township_map.CASES in wanted:
        case_layer = layers.cases(session, actor, chosen, on)
    if layers.HARDSHIP in wanted:
        hardship_layer = layers.hardship(session, actor, chosen.village, on, overdue=chosen.overdue)
    labels = layers.labels(session, actor, on)
with said:
    township_map.counts(case_layer, hardship_layer)
case_id, household_id = township_map.points_map(case_layer, hardship_layer, labels, key="map")
with db.reading() as session:
    case = worklists.case(session, actor, case_id, on).row if case_id else None
    file = hardship.file_of(session, actor, household_id, on=on) if household_id else None
if case and cases.list_rows([case], "map_case"):
    navigation.go(navigation.CASES, case=case.id)
if file and shell.rows("map_household", [township_map.hardship_row(file, on)]):
    navigation.go(navigation.HOUSEHOLDS, household=file.household_id)
township_map.legend(township_map.looks_of(case_layer, hardship_layer))
