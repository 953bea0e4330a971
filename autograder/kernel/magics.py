"""The magics of a kernel's shell."""

from pathlib import Path

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.display import Javascript, display


@magics_class
class CourseMagics(Magics):
    """The magics that ipykernel adds and that make sense without a front end."""

    @line_magic
    def autosave(self, line: str) -> None:
        """What the notebook's page is told; there is none."""
        try:
            seconds = int(line)
        except ValueError:
            raise UsageError(f"%%autosave requires an integer, got {line!r}") from None
        script = Javascript(f"IPython.notebook.set_autosave_interval({1000 * seconds})")
        display(script, include=["application/javascript"])
        print(f"Autosaving every {seconds} seconds" if seconds else "Autosave disabled")

    @line_magic
    def less(self, line: str) -> None:
        """Show a file, in a pager that is not displayed."""
        if not line:
            raise UsageError("Missing filename.")
        Path(line).read_text()

    more = line_magic("more")(less)  # type: ignore[arg-type,var-annotated]
