"""Helpers for the tests of addons."""
