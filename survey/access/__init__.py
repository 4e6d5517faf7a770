"""Accounts, sessions, permissions and the audit trail."""
