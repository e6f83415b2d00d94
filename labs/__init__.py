"""Experiments on top of src/. Run them as modules from the project's root: python -m labs.NAME."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
