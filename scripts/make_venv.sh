#!/bin/sh
# Make a virtual environment with the best Python found: make_venv.sh FOLDER [PYTHON]
# Ends with one sentence and status 1 where there is none that will do.
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
    echo "pixverse_nb needs Python 3.11 or newer, and ${wanted:-python3 here} is not (found: $found). Install one and call make again, or name it: make PYTHON=/path/to/python3.12 demo" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "$python comes without the modules venv and ensurepip, so no environment can be made. On Debian and Ubuntu: apt-get install python$version-venv, then call make again." >&2
    exit 1
fi
rm -rf "$folder"
"$python" -m venv "$folder"
