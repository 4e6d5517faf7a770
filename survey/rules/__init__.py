"""Dated parameters with their sources, and code lists."""
