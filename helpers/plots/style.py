"""What all figures share: colours, line styles, axes, and how a figure is shown and stored with its alt
text.
"""

from __future__ import annotations

import base64
import functools
import html
import inspect
import io
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart with any colour vision; dashes and markers tell lines apart in grey too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", (0, (1, 1.2)), (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 3)))
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
# Two pixels for each one that a notebook gives a figure: sharp on today's screens, and small thanks to few colours.
DPI = 144
CSS_DPI = 72


def line(i: int, points: int = 0) -> dict[str, Any]:
    """Keyword arguments for the i-th line of a figure; points: how many it has, so that markers stay
    sparse.
    """
    style: dict[str, Any] = {"color": COLOURS[i % 7], "linestyle": DASHES[(i + i // 7) % 7], "linewidth": 1.8}
    if points:
        every = max(1, points // 8)
        style |= {"marker": MARKERS[(i + i // 7) % 7], "markersize": 5, "markevery": (i % every, every)}
    return style


def figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, without pyplot's global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def axes(ax: Axes, title: str, x: str, y: str) -> None:
    """Title, axis labels, a light grid, no box."""
    ax.set_title(title, fontsize=11)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.grid(True, color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def epoch_axis(ax: Axes, epochs: int) -> None:
    """Whole epochs only."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
    ax.set_xlim(0.5, max(epochs, 1) + 0.5)


def percent_axis(ax: Axes, values: Iterable[float]) -> None:
    """Accuracies (0…1) as per cent, with a limit that shows every value and never passes 100%."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    finite = [v for v in values if math.isfinite(v)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    room = max(0.08 * (high - low), 0.005)
    ax.set_ylim(max(0.0, low - room), min(1.0, high + room))
    # Steps of 2.5 would print as if they were whole per cents.
    ax.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1 if high - low < 0.05 else 0))


def plain_log_ticks(ax: Axes, low: float, high: float) -> None:
    """Ticks of a logarithmic y axis at 1, 2 and 5 of each decade, as plain numbers, with room around low and high."""
    room = 0.07 * math.log10(high / low) if high > low else 0.1
    bottom, top = low * 10**-room, high * 10**room
    decades = range(math.floor(math.log10(bottom)), math.ceil(math.log10(top)) + 1)
    steps = (1, 2, 5) if top / bottom < 300 else (1,)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    ticks = [tick for tick in ticks if bottom <= tick <= top]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_ylim(bottom, top)


def log_percent_axis(ax: Axes, low: float, high: float) -> None:
    """A logarithmic y axis for per cent, with plain numbers."""
    ax.set_yscale("log")
    plain_log_ticks(ax, low, high)


def with_alt(fig: Figure, alt: str) -> Figure:
    """The figure with its alternative text in `fig.alt`."""
    fig.alt = alt  # type: ignore[attr-defined]
    return fig


def as_dict(histories: Any) -> dict[str, Any]:
    """label -> history, of a mapping, a list, or one history."""
    if isinstance(histories, Mapping):
        return {_name(key): value for key, value in histories.items()}
    if hasattr(histories, "test_loss"):
        histories = [histories]
    return {h.label: h for h in histories}


def _name(key: Any) -> str:
    return key if isinstance(key, str) else f"rate {key:g}"


def png(fig: Figure) -> bytes:
    """The figure as a PNG of few colours, at 144 dots per inch, with its alt text inside."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    stream = io.BytesIO()
    fig.savefig(stream, format="png", dpi=DPI, facecolor="white")
    # 64 colours are plenty for lines and text, and make a third of the bytes.
    picture = Image.open(stream).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    info = PngInfo()
    info.add_itxt("Description", getattr(fig, "alt", ""))
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True, pnginfo=info, dpi=(DPI, DPI))
    return stream.getvalue()


def show(fig: Figure) -> None:
    """Display the figure in a notebook, at 72 pixels per inch of its size, with alt text, and that text folded below
    it; without a notebook, print the text.
    """
    alt = getattr(fig, "alt", "A figure.")
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        get_ipython = None  # type: ignore[assignment]
    if get_ipython is None or get_ipython() is None:
        print(alt)
        return
    width, height = (round(CSS_DPI * inches) for inches in fig.get_size_inches())
    display(
        {"image/png": base64.b64encode(png(fig)).decode(), "text/plain": alt},
        metadata={"image/png": {"alt": alt, "width": width, "height": height}},
        raw=True,
    )
    # JupyterLab gives pictures no alt text, so it also stands below, folded.
    words = f"<details><summary>This figure in words</summary>{html.escape(alt)}</details>"
    display({"text/html": words, "text/plain": ""}, raw=True)
    fig.clear()


def drawn(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """The same figure; where it can't be drawn, a CourseError in place of a traceback through our code."""

    @functools.wraps(draw)
    def guarded(*args: Any, **kwargs: Any) -> Figure:
        try:
            return draw(*args, **kwargs)
        except CourseError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise CourseError(_undrawable(draw, args, kwargs, error)) from None

    return guarded


def _undrawable(draw: Callable[..., Figure], args: Any, kwargs: Any, error: Exception) -> str:
    try:
        given = inspect.signature(draw).bind(*args, **kwargs).arguments
    except TypeError as misfit:
        return f"`{draw.__name__}` was not called as it is written: {misfit}."
    for name, value in given.items():
        inside = list(value.values()) if isinstance(value, Mapping) else value
        inside = inside if isinstance(inside, list | tuple) else ()
        if value is None or any(one is None for one in inside):
            what = "None" if value is None else "not complete, part of it is None"
            return f"There is nothing to draw yet: `{name}` is {what}. Write and run the cell that makes it first."
    text = " ".join(str(error).split())[:200].rstrip(".")
    return (
        f"`{draw.__name__}` can't draw what it was given ({type(error).__name__}{': ' + text if text else ''}); run "
        "the cells that make it once more, from the first to the last."
    )


def save(fig: Figure, path: str | Path) -> Path:
    """Write the figure as a PNG whose metadata "Description" is its alt text. It appears whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(png(fig))
        os.chmod(part, 0o644)
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    return path
