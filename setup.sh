#!/bin/sh
# Makes the virtual environment that $1 names and installs the lock into it; says what is missing and how to get it.
set -eu
venv=$1

fail() {
    printf 'mlxq: %s\n' "$@" >&2
    exit 1
}

python=
for candidate in ${MLXQ_PYTHON:-} python3.13 python3.12 python3.11 python3 python3.14; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
        python=$(command -v "$candidate")
        break
    fi
done
[ -n "$python" ] || fail "Python 3.11 or newer is needed and none was found." \
    "macOS: brew install python@3.13    Debian, Ubuntu: sudo apt install python3 python3-venv"

# MLX compiles its fused kernels with the system's compiler while it runs on a CPU; Metal brings its own.
if [ "$(uname -s)" = Linux ]; then
    command -v g++ >/dev/null 2>&1 || fail "a C++ compiler is needed (MLX uses g++ while it runs on Linux)." \
        "Debian, Ubuntu: sudo apt install g++    Fedora: sudo dnf install gcc-c++"
fi

if command -v uv >/dev/null 2>&1; then
    uv venv --quiet --allow-existing --python "$python" "$venv"
    install="uv pip install --python $venv/bin/python"
else
    "$python" -m venv "$venv" || fail "this Python cannot make virtual environments." \
        "Debian, Ubuntu: sudo apt install python3-venv    or install uv, which does without"
    "$venv/bin/python" -m pip install --quiet --upgrade pip
    install="$venv/bin/python -m pip install --disable-pip-version-check"
fi
# The backends' own requirements contradict each other on Linux, so the lock is installed as it stands.
$install --no-deps --requirement requirements.lock ||
    fail "the dependencies could not be installed; the lines above say why. Is a package index reachable?"
$install --quiet --no-deps --config-settings editable_mode=compat --editable .
