"""Matters somebody raised: intake, lifecycle, clocks, worklists."""
