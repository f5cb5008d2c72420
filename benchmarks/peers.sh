#!/bin/sh
# Makes the peers' environment, .venv-peers, next to this folder; does nothing where it is up to date.
# The peers stay out of the library's own environment, so that no version of theirs holds one of ours back.
set -eu
cd "$(dirname "$0")/.."

environment=.venv-peers
stamp=$environment/.peers-installed

if [ -f "$stamp" ] && cmp -s benchmarks/peers.txt "$stamp"; then
    exit 0
fi

[ -x "$environment/bin/python" ] || "${PYTHON:-python3}" -m venv "$environment"
# LensKit needs torch on the CPU only: pinned and first, so that a CPU wheel that pip is told of (PIP_FIND_LINKS) wins.
"$environment/bin/pip" install --quiet torch==2.13.0
# cmfrec and Surprise are compiled here; cmfrec's own defaults are OpenMP and -march=native, as its users have it.
"$environment/bin/pip" install --quiet --requirement benchmarks/peers.txt
"$environment/bin/pip" check
cp benchmarks/peers.txt "$stamp"
