#!/bin/sh
# Create a virtual environment with the best Python found: make_venv.sh FOLDER [PYTHON]
# If none is suitable, it prints one sentence and exits with status 1.
set -eu

folder=$1
wanted=${2:-}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

python=
for name in ${wanted:-python3.13 python3.12 python3.11 python3 python}; do
    if new_enough "$name"; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    found=$(python3 --version 2>/dev/null || echo "none")
    echo "pixverse_nb needs Python 3.11 or newer; ${wanted:-python3} is not (found: $found). Install one and run make again, or name it: make PYTHON=/path/to/python3.12 demo" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$python lacks the modules venv and ensurepip, which are needed to create an environment. On Debian and Ubuntu: apt-get install python$version-venv, then run make again." >&2
    exit 1
fi
rm -rf "$folder"
"$python" -m venv "$folder"
