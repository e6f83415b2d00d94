"""Measurements: `python bench/NAME.py`, or as modules: `python -m bench.NAME`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
