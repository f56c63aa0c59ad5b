#!/usr/bin/env bash
# Makes the environment and runs the tests; arguments go to pytest.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$here/scripts/environment.sh"
cd "$here"
exec .venv/bin/python -m pytest "$@"
