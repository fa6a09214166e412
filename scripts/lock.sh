#!/bin/sh
# Pins what pyproject.toml's extra `dev` and group `docs` ask for, with the hashes of all platforms' files, for all supported Pythons.
#
#     scripts/lock.sh [UV OPTION…]        e.g. --upgrade, --upgrade-package httpx
#
# Versions that are pinned already stay, unless asked. The network is needed. uv is fetched for this alone.
set -eu
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV

cd "$(dirname "$0")/.."
uv_version=0.13.9
home=.cache/lock-$uv_version

# An environment that says that the lock is behind will do here: any Python of it can run uv.
scripts/environment.sh || [ -x .cache/venv/bin/python ]
if [ ! -x "$home/bin/uv" ]; then
    rm -rf "$home"
    .cache/venv/bin/python -m venv "$home"
    echo '*' >"$home/.gitignore"
    "$home/bin/python" -m pip install -qq --disable-pip-version-check "uv==$uv_version"
fi
pin() { # OUTPUT UV-OPTION…
    output=$1
    shift
    "$home/bin/uv" pip compile "$@" \
        --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
        --quiet --output-file "$output"
    if grep -nE '://|^ *--(find-links|index-url|extra-index-url|trusted-host)|^-e| @ ' "$output"; then
        echo "$output names a host or a path in the lines above: it must not be committed so." >&2
        exit 1
    fi
}
pin requirements-dev.txt pyproject.toml --extra dev "$@"
pin requirements-docs.txt --group docs "$@"
