"""`python -m shared.settings docs/settings.md`: write the reference of all settings to a file."""

import sys
from pathlib import Path

from shared.settings.reference import reference

Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
