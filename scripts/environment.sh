#!/bin/sh
# Makes .cache/venv, or repairs it, or does nothing. `make` runs this before every target that needs the environment.
#
# The environment holds what requirements-dev.txt pins, and this project, editable. Its stamp is written last, so that a run that was
# interrupted is done again from the start. PYTHON=… chooses the interpreter.
set -eu
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV

cd "$(dirname "$0")/.."
lock=requirements-dev.txt
stamp=.cache/venv/stamp

say() { printf '%s\n' "$*" >&2; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# The oldest supported version first: what works there works on the others. A name alone proves nothing (it may be a shim), so each is run.
find_python() {
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3 python3.14 python}; do
        if is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    if [ -n "${PYTHON:-}" ]; then
        say "PYTHON=$PYTHON is not a Python 3.11 or newer that runs. Leave PYTHON out, or name another one."
    else
        say "No Python 3.11 or newer was found. Install one (with its venv module), or name it: make PYTHON=/path/to/python3.11"
    fi
    exit 1
}

# What the installed packages depend on: the lock, and where the environment stands (its scripts hold that path).
packages_key() { { cat "$lock"; pwd; } | cksum; }
# What this project's own installation depends on.
project_key() { cat pyproject.toml hatch_build.py scripts/environment.sh | cksum; }

# Editors, uv and scripts look for .venv. It is yours; where there is none, this one shows make's packages and commands without holding any,
# so that whatever is installed into it leaves make's alone.
show_venv() {
    if [ -e .venv ] || [ ! -d .cache/venv/lib ]; then return 0; fi
    packages=$(cd .cache/venv && printf '%s\n' lib/python*/site-packages)
    .cache/venv/bin/python -m venv --without-pip .venv
    printf "import os, site, sys; site.addsitedir(os.path.join(os.path.dirname(sys.prefix), '.cache', 'venv', '%s'))\n" "$packages" \
        >".venv/$packages/of-make.pth"
    for command in .cache/venv/bin/*; do
        [ -e ".venv/bin/${command##*/}" ] || ln -s "../../$command" .venv/bin/
    done
}

stamped() { [ -f "$stamp" ] && sed -n "$1p" "$stamp"; }

wanted_packages=$(packages_key)
wanted_project=$(project_key)
if [ "$(stamped 1)" = "$wanted_packages" ] && is_new_enough .cache/venv/bin/python; then
    if [ "$(stamped 2)" = "$wanted_project" ]; then
        show_venv
        exit 0
    fi
else
    python=$(find_python)
    say "Making .cache/venv with $("$python" --version) from $lock: a minute or two, once."
    rm -rf .cache/venv
    if ! "$python" -m venv .cache/venv; then
        say "$python can't make a virtual environment: see above. (On Debian and Ubuntu it needs the package python3-venv.)"
        exit 1
    fi
    # Every package is in the lock, so nothing is resolved. Bytecode is left to the first import: most of it is never needed.
    if ! .cache/venv/bin/python -m pip install -qq --disable-pip-version-check --no-compile --no-deps --require-hashes -r "$lock"; then
        say "The packages could not be installed: see above. The network is needed this once. Then run the same command again."
        exit 1
    fi
fi
.cache/venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
if ! problems=$(.cache/venv/bin/python -m pip check --disable-pip-version-check); then
    say "$problems"
    say "requirements-dev.txt does not hold what pyproject.toml asks for: run scripts/lock.sh, then the same command again."
    exit 1
fi
show_venv
printf '%s\n%s\n' "$wanted_packages" "$wanted_project" >"$stamp"
say "The environment is ready."
