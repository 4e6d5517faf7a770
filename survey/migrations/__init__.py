"""The history of the tables: one numbered revision a change, run by `survey.upgrades`.

Owns what a store must undergo to fit `models.py`. Refuses to import `models.py` in a revision: a revision
stands for the tables as they were on its day.
"""
