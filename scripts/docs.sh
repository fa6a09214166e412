#!/bin/sh
# Builds the site into build/docs/site, strictly: a warning fails. `make docs` runs this.
#
# What builds it has an environment of its own, from requirements-docs.txt, so that the one for development stays small. The network is
# needed the first time, and after the lock has changed.
set -eu
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV

cd "$(dirname "$0")/.."
lock=requirements-docs.txt
home=.cache/docs
stamp=$home/stamp
wanted=$({ cat "$lock"; pwd; } | cksum)

if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
    echo "Installing what builds the site, from $lock." >&2
    rm -rf "$home"
    "${1:?the environment\'s Python}" -m venv "$home"
    "$home/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r "$lock"
    printf '%s\n' "$wanted" >"$stamp"
fi
"$1" scripts/site_pages.py build/docs
PATH="$(pwd)/$home/bin:$PATH" "$home/bin/zensical" build --strict --config-file build/docs/zensical.toml
echo "The site is in build/docs/site."
