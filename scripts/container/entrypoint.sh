#!/bin/sh
# lab [options of jupyter lab]   JupyterLab on port 8888, the default; its token is JUPYTER_TOKEN, or else in the log
# notebook [FILE] [options]      executes a notebook without a browser, see npm run notebook -- --help
# VERB …                         a verb of grpo-ts, such as train recipe.yaml
# sh, node, npm, npx, jupyter …  that program
set -eu
program=/opt/grpo-ts

# Another user than 1000 (docker run --user) has no home here.
if [ ! -w "${HOME:-/}" ]; then HOME=$(mktemp -d); fi
export HOME

if ! mkdir -p /work/cache /work/models /work/runs 2>/dev/null || [ ! -w /work/runs ]; then
  echo "/work cannot be written to by user $(id -u): start the container with --user \"\$(id -u):\$(id -g)\", or give the folder to that user" >&2
  exit 73
fi

case "${1:-lab}" in
  lab)
    [ $# -eq 0 ] || shift
    : > /tmp/jupyter-lab # tells the health check what to expect
    exec node "$program/scripts/lab.mjs" --no-browser --ip=0.0.0.0 "$@"
    ;;
  notebook)
    shift
    exec node "$program/scripts/run-notebook.mjs" "$@"
    ;;
  sh | bash | node | npm | npx | jupyter) exec "$@" ;;
  *) exec grpo-ts "$@" ;;
esac
