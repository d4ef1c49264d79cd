#!/usr/bin/env bash
# pip installs for another Python (`--python-version`) but reads the markers of dependencies for its own Python.
#
# This is the usual way to build a Lambda package for another Runtime than the Python at hand.
#
# Guess before the run: with `--python-version 3.10`, a dependency with the marker `python_version < "3.11"` is installed.
#
# Seen with pip 26.3 on Python 3.11 and with uv 0.9.11. anyio 4.9.0 needs exceptiongroup on Python 3.10 and older:
#
#   pip install --python-version 3.10 anyio    exit status 0, without exceptiongroup
#   uv pip install --python-version 3.10 anyio  with exceptiongroup
#
# So the package lacks a module that the function imports on Python 3.10, and no message says so.
# Exit status 0: the behaviour is as described. Needs python3 3.11 or newer, and access to PyPI.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "This needs Python 3.11 or newer."; exit 1; }
python3 -m venv tools
tools/bin/python -m pip install --quiet --disable-pip-version-check pip==26.3 uv==0.9.11

tools/bin/python -m pip install --quiet --disable-pip-version-check --target by-pip --only-binary=:all: \
    --platform manylinux2014_x86_64 --implementation cp --python-version 3.10 anyio==4.9.0
tools/bin/uv pip install --quiet --target by-uv --only-binary :all: \
    --python-platform x86_64-manylinux2014 --python-version 3.10 anyio==4.9.0

has() { if [ -d "$1/exceptiongroup" ]; then echo yes; else echo no; fi; }
echo "exceptiongroup for Python 3.10: pip $(has by-pip), uv $(has by-uv)"
[ "$(has by-pip) $(has by-uv)" = "no yes" ]
