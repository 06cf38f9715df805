#!/usr/bin/env bash
# Builds the app for Windows in the Windows that make.sh makes in FOLDER, and tries it: FOLDER/app/dist/facewatch.
# Four minutes of one core, 2.5 GB. Not part of .ci/run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mkdir -p "${1:?a folder}" && cd "$1" && pwd)
"$here/make.sh" "$folder"
[ -d "$folder/site/PyInstaller" ] || "${PIP:-pip}" install -q --disable-pip-version-check --target "$folder/site" \
    --platform win_amd64 --python-version 3.11 --implementation cp --only-binary=:all: --no-deps \
    pyinstaller pyinstaller-hooks-contrib altgraph pefile pywin32-ctypes setuptools pystray
export WINEPREFIX="$folder/prefix" WINEDEBUG=-all KMP_AFFINITY=disabled KMP_WARNINGS=0
unset FACEWATCH_HOME FACEWATCH_MODELS
wineserver -p || [ $? = 2 ]  # as in run.sh
wine wineboot </dev/null >/dev/null 2>&1
trap 'wineserver -k' EXIT
windows() { printf 'Z:%s' "${1//\//\\}"; }
cd "$here/../.."
wine "$folder/python/cp311/python.exe" packaging/build.py "$(windows "$folder/app")" </dev/null 2>&1 | cat
test -s "$folder/app/dist/facewatch/facewatchw.exe"
