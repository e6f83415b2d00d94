"""Experiments on top of src/. Run them as modules from the project's root: python -m labs.NAME."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "data")]
