#!/usr/bin/env bash
# What Gradescope runs once, when the image is built: Python and the packages of the course.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv
python3 -m venv /opt/grader
/opt/grader/bin/pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu \
  --extra-index-url https://pypi.org/simple $(grep -v '^#' /autograder/source/requirements.txt)
