#!/usr/bin/env bash
# Installs what the tests need and runs them: ./test.sh (fast), ./test.sh --all (slow ones as well),
# ./test.sh tests/test_dataset.py (any pytest arguments).
set -euo pipefail
cd "$(dirname "$0")"
for python in "${PYTHON:-}" python3 python; do
  [ -n "$python" ] && command -v "$python" >/dev/null && break
done
command -v "$python" >/dev/null ||
  { echo "error: no Python here; install 3.10 or newer (python.org)" >&2; exit 2; }
"$python" install.py requirements-dev.txt
command -v chromium >/dev/null && command -v chromedriver >/dev/null ||
  echo "no chromium and chromedriver: the report's browser tests are skipped" \
    "(Debian: apt-get install chromium chromium-driver)"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
.venv/bin/ruff check .
if [ "${1:-}" = --all ]; then
  shift
  exec .venv/bin/python -m pytest -n 2 -m "slow or not slow" --durations=15 "$@"
fi
exec .venv/bin/python -m pytest -n 2 "$@"
