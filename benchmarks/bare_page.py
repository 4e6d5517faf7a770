"""The least a page can be: one field and its echo. What is measured here is Streamlit itself."""

import streamlit as st

st.title("Bare page")
st.write(st.text_area("Words"))
