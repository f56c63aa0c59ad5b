#!/usr/bin/env bash
# From a clone to a self-trained policy on a laptop's CPU: makes the environment, draws the data, trains SmolLM2-135M on its
# own right programs, and prints the accuracy before and after with the place of the exported checkpoint.
# Run it again at any time: it continues where it was, or says that it is finished. Arguments go to `visrep train`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$here/scripts/environment.sh"
cd "$here"
exec .venv/bin/visrep train quickstart --resume "$@"
