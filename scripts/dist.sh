#!/bin/sh
# Builds the sdist, and the wheel from the sdist, into dist/, and checks both. `make dist` runs this.
#
# With KLING_ELEMENTS_REPOSITORY=https://… the result is a release: it has URLs (hatch_build.py), and CHANGELOG.md must have its section.
set -eu

cd "$(dirname "$0")/.."
python=$(pwd)/.cache/venv/bin
if [ -n "${KLING_ELEMENTS_REPOSITORY:-}" ]; then
    version=$("$python/python" -m hatchling version)
    if ! grep -q "^## \[$version\] - 20" CHANGELOG.md; then
        echo "CHANGELOG.md has no section '## [$version] - DATE': put one above the changes of this release, below Unreleased." >&2
        exit 1
    fi
fi
rm -rf dist
"$python/python" -m hatchling build --target sdist
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
tar -xzf dist/*.tar.gz -C "$unpacked" --strip-components=1
(cd "$unpacked" && "$python/python" -m hatchling build --target wheel --directory "$OLDPWD/dist")
"$python/twine" check --strict dist/*
"$python/check-wheel-contents" dist/*.whl
