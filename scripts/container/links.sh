#!/bin/sh
# Connects the program in /opt/grpo-ts with the volume /work, where models and runs are kept.
set -eu
install --directory --owner=1000 --group=1000 /work /work/cache /work/models /work/runs
ln -s /work/runs /opt/grpo-ts/runs
ln -s /work/runs /opt/grpo-ts/notebooks/runs
ln -s /work /opt/grpo-ts/work # JupyterLab shows the volume beside the notebooks
ln -s /opt/grpo-ts/node_modules /node_modules # notebooks and modules of one's own in /work find grpo-ts
ln -s /opt/grpo-ts/dist/cli/main.js /usr/local/bin/grpo-ts
chmod 755 /opt/grpo-ts/scripts/container/entrypoint.sh
chown 1000:1000 /opt/grpo-ts
