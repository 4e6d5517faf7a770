"""Questionnaires as data: forms, their engine, drafts, submissions."""
