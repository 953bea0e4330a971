"""SVG without scripts or external resources. They are shown in `<img>`, too, where neither works."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

SVG = "{http://www.w3.org/2000/svg}"
KEPT = {
    *("svg", "g", "defs", "symbol", "use", "clipPath", "mask", "pattern", "marker", "linearGradient", "radialGradient"),
    *("stop", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "image", "text", "tspan", "title"),
    *("desc", "style"),
}
LOADS = re.compile(r"url\s*\(\s*['\"]?\s*(?!#)|@import|expression\s*\(|javascript:|\\", re.IGNORECASE)
INSIDE = re.compile(r"\s*(?:#|data:image/(?:png|jpeg);base64,)", re.IGNORECASE)


def cleaned(source: str) -> bytes:
    """The drawing as UTF-8, or nothing where it is not well-formed SVG."""
    ElementTree.register_namespace("", SVG[1:-1])
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    try:
        root = fromstring(re.sub(r"<!DOCTYPE[^<>\[]*>", "", source, count=1), forbid_dtd=True)
        if root.tag != SVG + "svg":
            return b""
        _clean(root)
        return ElementTree.tostring(root, encoding="utf-8")
    except (ElementTree.ParseError, DefusedXmlException, ValueError, RecursionError):
        return b""


def _clean(node: ElementTree.Element) -> None:
    for name, value in list(node.attrib.items()):
        local = name.rpartition("}")[2].lower()
        outside = local == "href" and not INSIDE.match(value)
        if local.startswith("on") or outside or (local != "href" and LOADS.search(value)):
            del node.attrib[name]
    if node.tag == SVG + "style" and LOADS.search(node.text or ""):
        node.text = ""
    for child in list(node):
        if isinstance(child.tag, str) and child.tag.startswith(SVG) and child.tag[len(SVG) :] in KEPT:
            _clean(child)
        else:
            node.remove(child)
