"""Work that is right and somebody else's."""

from pathlib import Path

from ..attack import Attack, Places
from ..course import NAME, RIGHT

KIND = "copy"


def notebook_link(folder: Path, places: Places) -> None:
    (folder / f"{NAME}.ipynb").unlink()
    (folder / f"{NAME}.ipynb").symlink_to(places.class_dir / "submitted" / "ada" / NAME / f"{NAME}.ipynb")


ATTACKS = (
    Attack("copied", KIND,
           "Another student's solution is handed in as one's own. No grader can tell; compare hand-ins.",
           cells={"A-double": RIGHT}, protected=False),
    Attack("notebook-is-a-link", KIND, "The notebook is a symbolic link to another student's.", folder=notebook_link),
)  # fmt: skip
