#!/usr/bin/env bash
# Runs the tests that are marked for Windows, then the demo, in the Windows that make.sh makes in FOLDER.
# Further arguments go to pytest. Writes FOLDER/results.xml and FOLDER/demo.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mkdir -p "${1:?a folder}" && cd "$1" && pwd)
shift
"$here/make.sh" "$folder"
# Without the affinity setting, torch's OpenMP asks wine for processor groups that it does not have.
export WINEPREFIX="$folder/prefix" WINEDEBUG=-all KMP_AFFINITY=disabled KMP_WARNINGS=0
unset FACEWATCH_HOME FACEWATCH_MODELS
winpy() {
    # Python for Windows needs a pipe; wine's own services would hold one for ever, so they start first.
    wine "$folder/python/cp311/python.exe" "$@" </dev/null 2>&1 | grep -a --line-buffered -v "Read access denied"
}
wineserver -p || [ $? = 2 ]  # stays until this script ends; 2: it runs already
wine wineboot </dev/null >/dev/null 2>&1
trap 'wineserver -k' EXIT

windows() { printf 'Z:%s' "${1//\//\\}"; }
cd "$here/../.."
rooms=$(sed -n 's/^    "\(tests\/.*\)",$/\1/p' tests/windows/rooms.py)
# shellcheck disable=SC2086
winpy -m pytest -q -p no:cacheprovider --junitxml="$(windows "$folder/results.xml")" $rooms "$@"
rm -rf "$folder/demo"
winpy -m facewatch demo --output "$(windows "$folder/demo")"
test -s "$folder/demo/Restored/eileen-collins before-after.jpg"
