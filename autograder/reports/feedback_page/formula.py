"""Formulas as MathML, which browsers show by themselves: no script, no font to load, no network.

What converts them may be given anything, so its result is taken apart and written anew: known elements with plain
attributes. What is no such formula is shown as it was typed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from xml.etree import ElementTree

from markupsafe import Markup

LONGEST = 2_000
"""Characters of one formula."""
DEEPEST = 60
MATHML = "{http://www.w3.org/1998/Math/MathML}"
ELEMENTS = frozenset(
    "math mrow mi mo mn mtext mspace mfrac msub msup msubsup munder mover munderover msqrt mroot mtable mtr mtd "
    "mstyle".split()
)
LENGTH = r"-?\d?\.\d{1,4}em|\d(?:\.\d{1,4})?em|0"
WORD = "[a-z -]{1,40}"
ATTRIBUTES = {
    **dict.fromkeys(("display", "form", "columnalign"), WORD), "mathvariant": "normal",
    **dict.fromkeys(("stretchy", "fence", "accent", "displaystyle", "separator", "movablelimits"), "true|false"),
    **dict.fromkeys(("minsize", "maxsize", "width", "lspace", "rspace", "linethickness"), LENGTH),
}  # fmt: skip


@lru_cache(maxsize=1024)
def mathml(tex: str, block: bool = False) -> Markup:
    """TeX without its dollar signs as `<math>`; as code, dollar signs included, where that can't be done."""
    made = _written(tex, block) if len(tex) <= LONGEST else None
    if made is None:
        dollars = "$$" if block else "$"
        return Markup(f"<code>{escape(dollars + tex + dollars, quote=False)}</code>")
    return Markup(made)


def _written(tex: str, block: bool) -> str | None:
    from latex2mathml.converter import convert

    try:
        root = ElementTree.fromstring(convert(tex.strip(), display="block" if block else "inline"))
        return _element(root)
    except (Exception, RecursionError):  # whatever it makes of text that is no formula
        return None


def _element(node: ElementTree.Element, depth: int = 0) -> str | None:
    tag = node.tag.removeprefix(MATHML)
    if tag not in ELEMENTS or depth > DEEPEST or "\\" in (node.text or ""):  # a macro that it does not know
        return None
    kept = ((name, value) for name, value in node.attrib.items() if re.fullmatch(ATTRIBUTES.get(name, "(?!)"), value))
    inside = [escape(node.text or "", quote=False)]
    for child in node:
        written = _element(child, depth + 1)
        if written is None:
            return None
        inside.append(written)
    attributes = "".join(f' {name}="{value}"' for name, value in kept)
    return f"<{tag}{attributes}>{''.join(inside)}</{tag}>"
