"""Fixtures of the benchmark's tests."""

from tests.bench.case_fixture import case

__all__ = ["case"]
