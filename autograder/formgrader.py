"""nbgrader's formgrader prints students' names into its pages unescaped; here they are escaped."""

from __future__ import annotations

import sys
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

BASE = "nbgrader.server_extensions.formgrader.base"


MARKUP = str.maketrans({"<": "&lt;", ">": "&gt;", '"': "&quot;"})
"""What ends the places in which the pages print names: text, attributes and strings of scripts, all in double quotes.
An apostrophe or an ampersand does not, and the pages' scripts look people up by their names as they are."""


def escaped(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value.translate(MARKUP) if isinstance(value, str) else value for key, value in values.items()}


class EscapeNames(Preprocessor):
    """For the page of one hand-in, which nbconvert makes."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        told = ("student", "first_name", "last_name", "notebook_path", "filename", "assignment_id", "notebook_id")
        resources.update(escaped({key: resources[key] for key in told if key in resources}))
        return nb, resources


def protect() -> None:
    """For all other pages, where a formgrader runs in this process: a link to one may hold any name, too."""
    handler = getattr(sys.modules.get(BASE), "BaseHandler", None)
    if handler is None or hasattr(handler.render, "stock"):
        return
    stock = handler.render

    def render(self: Any, name: str, **values: Any) -> Any:
        return stock(self, name, **escaped(values))

    render.stock = stock  # type: ignore[attr-defined]
    handler.render = render
