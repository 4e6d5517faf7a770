"""Recording a visit."""

import streamlit as st
from survey.i18n import gettext as _
from survey.ui import shell

actor = shell.page(_("Visit"))
got = shell.rows(
    "demo",
    [shell.Row("a", "赵大明", "余家坪村1社 · 5人", "逾期", "red"), shell.Row("b", "钱*小*芳", "[x](y)")],
)
if got:
    shell.said(got)
    st.rerun()
shell.empty(_("Nothing here"), _("Today"), to="visit")
st.text_input("姓名", placeholder="请填写")
st.date_input("日期", value=None)
st.selectbox("x", ["a", "b"], index=None)
st.file_uploader("u")
st.number_input("n", value=None, step=1)
st.pills("p", ["有", "没有"], key="p1")
