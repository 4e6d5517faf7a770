"""Households, visits, hardship files and assignments."""
