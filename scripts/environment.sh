# Source this file to use the project's own environment in .venv.
#
#   ensure_environment [EXTRA]    create or update .venv with the project and the given extra, and set $python
#
# A stamp file is written after each successful installation. It contains the path of the source tree. An environment
# is installed again if its stamp is missing, if the stamp is older than pyproject.toml, or if the tree has been moved.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
    echo "Error: $1" >&2
    [ -z "${2:-}" ] || echo "Hint: $2" >&2
    exit 3
}

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.10 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            base_python=$candidate
            return
        fi
    done
    fail "w2v needs Python 3.10 or newer, but found $(${PYTHON:-python3} --version 2>/dev/null || echo none)" \
        "install a newer Python, or name one: PYTHON=/path/to/python3 $0"
}

ensure_environment() {
    local extra=${1:-} venv=$root/.venv stamp
    stamp=$venv/installed${extra:+-$extra}
    python=$venv/bin/python
    if [ -x "$python" ] && [ "$stamp" -nt "$root/pyproject.toml" ] && [ "$(cat "$stamp")" = "$root" ]; then
        return
    fi
    if ! { [ -x "$python" ] && [ "$(cat "$venv/installed" 2>/dev/null)" = "$root" ]; }; then
        find_python
        "$base_python" -c 'import ensurepip, venv' 2>/dev/null ||
            fail "$base_python has no venv module" "on Debian and Ubuntu: apt install python3-venv"
        echo "Creating .venv with $("$base_python" --version)" >&2
        rm -rf "$venv"
        "$base_python" -m venv "$venv" >&2 || fail "cannot create $venv"
    fi
    echo "Installing w2v-cli${extra:+ with its extra \"$extra\"} into .venv; this happens once and takes about a minute" >&2
    "$python" -m pip install --quiet --disable-pip-version-check --editable "$root${extra:+[$extra]}" >&2 ||
        fail "installing into $venv failed, see above" "the next run tries again"
    echo "$root" >"$venv/installed"
    echo "$root" >"$stamp"
}
