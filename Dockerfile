# grpo-ts with JupyterLab, for the CPU (`docker build --target cpu`) and for NVIDIA GPUs (`--target cuda`); docs/container.md.
# `npm run test:container` carries out these instructions in a bare Debian.
ARG NODE_IMAGE=node:22-bookworm-slim

# The packages change seldom: they are a layer of their own.
FROM ${NODE_IMAGE} AS packages
WORKDIR /opt/grpo-ts
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts

# With a C compiler, for the kernels of the cpu engine and the addon that loads XLA's plugins.
FROM packages AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
COPY . .
RUN npm run build

# XLA's plugin with CUDA's libraries (3.2 GB, unpacked 4.9 GB), by what fetches it alone: other changes of the sources leave this layer.
FROM packages AS xla
COPY scripts/container/xla.mjs scripts/container/
COPY --from=build /opt/grpo-ts/dist/errors.js dist/
COPY --from=build /opt/grpo-ts/dist/io dist/io
COPY --from=build /opt/grpo-ts/dist/xla/setup dist/xla/setup
ARG XLA_DEVICE=cuda12
ARG PIP_INDEX_URL
RUN GRPO_TS_XLA_FOLDER=/opt/xla node scripts/container/xla.mjs ${XLA_DEVICE}

FROM ${NODE_IMAGE} AS system
COPY scripts/container/system.sh jupyter/requirements.txt /tmp/system/
RUN sh /tmp/system/system.sh

# The driver is that of the host, which the NVIDIA Container Toolkit brings into the container (`docker run --gpus all`).
FROM system AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility GRPO_TS_XLA_FOLDER=/opt/xla
COPY --from=xla --chown=1000:1000 /opt/xla /opt/xla
COPY --from=packages --chown=1000:1000 /opt/grpo-ts/node_modules /opt/grpo-ts/node_modules
COPY --chown=1000:1000 . /opt/grpo-ts
COPY --from=build --chown=1000:1000 /opt/grpo-ts/dist /opt/grpo-ts/dist
RUN sh /opt/grpo-ts/scripts/container/links.sh
ENV PATH=/opt/jupyter/bin:$PATH JUPYTER_PATH=/opt/grpo-ts/jupyter JUPYTER_PORT=8888
ENV HF_HOME=/work/models GRPO_TS_CACHE=/work/cache
USER 1000:1000
WORKDIR /work
VOLUME /work
EXPOSE 8888
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["node", "/opt/grpo-ts/scripts/container/health.mjs"]
ENTRYPOINT ["tini", "-g", "--", "/opt/grpo-ts/scripts/container/entrypoint.sh"]
CMD ["lab"]

FROM system AS cpu
COPY --from=packages --chown=1000:1000 /opt/grpo-ts/node_modules /opt/grpo-ts/node_modules
COPY --chown=1000:1000 . /opt/grpo-ts
COPY --from=build --chown=1000:1000 /opt/grpo-ts/dist /opt/grpo-ts/dist
RUN sh /opt/grpo-ts/scripts/container/links.sh
ENV PATH=/opt/jupyter/bin:$PATH JUPYTER_PATH=/opt/grpo-ts/jupyter JUPYTER_PORT=8888
ENV HF_HOME=/work/models GRPO_TS_CACHE=/work/cache
USER 1000:1000
WORKDIR /work
VOLUME /work
EXPOSE 8888
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["node", "/opt/grpo-ts/scripts/container/health.mjs"]
ENTRYPOINT ["tini", "-g", "--", "/opt/grpo-ts/scripts/container/entrypoint.sh"]
CMD ["lab"]
