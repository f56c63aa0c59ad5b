#!/usr/bin/env bash
# Makes .venv with everything that visrep needs on a machine without a GPU; quickstart.sh, test.sh and .ci/run call it.
# Does nothing when the environment is already what requirements.lock and pyproject.toml ask for. Safe to interrupt and
# to run again, by two processes at once as well.
#
# torch goes first and alone: its package on PyPI is built for CUDA (some 3 GB with what it pulls in). To get the CPU
# build (200 MB), point pip at PyTorch's own index, whose `2.13.0+cpu` pip prefers:
#
#     PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu bash scripts/environment.sh
#
# The rest is a closed list, installed without resolving dependencies; requirements.lock says why.
#
# PYTHON names the interpreter to build on, if it is not the first of python3.11, python3 that is a Python 3.11.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    echo "environment: $*" >&2
    exit 1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "no Python 3.11 among: ${PYTHON:-python3.11 python3}; install it (Debian: apt install python3.11 python3.11-venv) or set PYTHON"
}

make_venv() {
    local python
    python=$(find_python)
    # Debian ships Python without ensurepip, and leaves a venv without pip behind.
    "$python" -c 'import ensurepip' 2>/dev/null || fail "$python has no ensurepip; apt install python3.11-venv"
    "$python" -m venv --clear .venv
}

# The place is part of it: an environment that was moved or copied points to where it was made.
wanted=$({ cat requirements.lock pyproject.toml; pwd -P; } | sha256sum | cut -d' ' -f1)
stamp=.venv/visrep.made-from

if [[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]]; then
    exec 9<requirements.lock # held by whoever is installing; a file inside .venv would vanish with it
    flock 9
    if [[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]]; then
        echo "environment: installing into .venv (first time: a few minutes)" >&2
        rm -f "$stamp"
        .venv/bin/python -m pip --version >/dev/null 2>&1 || make_venv
        pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check)
        "${pip[@]}" --constraint requirements.lock "$(grep '^torch==' requirements.lock)"
        "${pip[@]}" --no-deps --requirement requirements.lock
        "${pip[@]}" --no-deps --no-build-isolation --editable .
        echo "$wanted" >"$stamp"
    fi
    exec 9<&-
fi
