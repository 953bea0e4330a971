"""What instructors run."""

import sys

# jsonschema, which nbformat imports, would parse a grammar of international web addresses for a second; nothing here
# checks such addresses, and jsonschema does without it where it is not installed.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
