"""Generates instances of JSON Schemas."""
