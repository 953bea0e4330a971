"""The page that a student gets back: points, diagnoses in words, the own work; nothing hidden, nothing that runs."""

from __future__ import annotations

from .page import render, warm_up, write_page

__all__ = ["render", "warm_up", "write_page"]
