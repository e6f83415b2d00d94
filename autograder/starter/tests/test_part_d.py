"""Part d: the London baseline."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from parts import KIT


class PartD(unittest.TestCase):
    def test_it_prints_the_share_of_london(self):
        """In a birth_dev.tsv of five questions, one of them about London: 20 % or 0.2."""
        places = ["Paris", "London", "Rome", "Oslo", "Paris"]
        rows = [f"Where was {i} born?\t{place}\n" for i, place in enumerate(places)]
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "birth_dev.tsv").write_text("".join(rows), encoding="utf-8")
            script = str(KIT / "london_baseline.py")
            done = subprocess.run(
                [sys.executable, script], cwd=folder, capture_output=True, text=True
            )
        if "TODO" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        numbers = re.findall(r"\d+(?:\.\d+)?", done.stdout)
        self.assertTrue(numbers, f"no number in what it printed: {done.stdout!r}")
        self.assertIn(float(numbers[-1]), (20.0, 0.2))


if __name__ == "__main__":
    unittest.main(verbosity=2)
