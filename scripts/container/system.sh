#!/bin/sh
# Prepares the system of the container: packages of the distribution, JupyterLab, and the user with the id 1000.
# usage: sh system.sh   requirements.txt lies beside this file; both are removed at the end
set -eu
here=$(dirname "$0")
export DEBIAN_FRONTEND=noninteractive

apt-get update
apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv tini
rm -rf /var/lib/apt/lists/*

python3 -m venv /opt/jupyter
/opt/jupyter/bin/pip install --no-cache-dir --disable-pip-version-check --quiet --requirement "$here/requirements.txt"

# The image of Node has a user of this id already, under another name.
if name=$(getent passwd 1000 | cut -d: -f1) && [ -n "$name" ]; then userdel --remove "$name" 2>/dev/null; fi
if getent group 1000 >/dev/null; then groupdel "$(getent group 1000 | cut -d: -f1)"; fi
groupadd --gid 1000 grpo
useradd --uid 1000 --gid 1000 --create-home --shell /bin/sh grpo
rm -r "$here"
