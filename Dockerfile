# grpo-ts with JupyterLab, for the CPU (`docker build --target cpu`) and for NVIDIA GPUs (`--target cuda`); docs/container.md.
# `npm run test:container` carries out these instructions in a bare Debian.
ARG NODE_IMAGE=node:22-bookworm-slim
ARG CUDA_IMAGE=nvidia/cuda:12.8.1-base-ubuntu24.04

# The packages change seldom: they are a layer of their own.
FROM ${NODE_IMAGE} AS packages
WORKDIR /opt/grpo-ts
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts

FROM packages AS build
COPY . .
RUN npm run build

FROM ${CUDA_IMAGE} AS cuda
# What of the driver is brought into the container: graphics is Vulkan, which WebGPU computes with.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics
COPY --from=packages /usr/local/bin/node /usr/local/bin/
COPY --from=packages /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
COPY scripts/container/system.sh jupyter/requirements.txt /tmp/system/
RUN sh /tmp/system/system.sh libvulkan1 libegl1 libx11-6 libxext6
COPY --from=packages --chown=1000:1000 /opt/grpo-ts/node_modules /opt/grpo-ts/node_modules
COPY --chown=1000:1000 . /opt/grpo-ts
COPY --from=build --chown=1000:1000 /opt/grpo-ts/dist /opt/grpo-ts/dist
RUN sh /opt/grpo-ts/scripts/container/links.sh
ENV PATH=/opt/jupyter/bin:$PATH JUPYTER_PATH=/opt/grpo-ts/jupyter JUPYTER_PORT=8888 HF_HOME=/work/models
USER 1000:1000
WORKDIR /work
VOLUME /work
EXPOSE 8888
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["node", "/opt/grpo-ts/scripts/container/health.mjs"]
ENTRYPOINT ["tini", "-g", "--", "/opt/grpo-ts/scripts/container/entrypoint.sh"]
CMD ["lab"]

FROM ${NODE_IMAGE} AS cpu
COPY scripts/container/system.sh jupyter/requirements.txt /tmp/system/
RUN sh /tmp/system/system.sh
COPY --from=packages --chown=1000:1000 /opt/grpo-ts/node_modules /opt/grpo-ts/node_modules
COPY --chown=1000:1000 . /opt/grpo-ts
COPY --from=build --chown=1000:1000 /opt/grpo-ts/dist /opt/grpo-ts/dist
RUN sh /opt/grpo-ts/scripts/container/links.sh
ENV PATH=/opt/jupyter/bin:$PATH JUPYTER_PATH=/opt/grpo-ts/jupyter JUPYTER_PORT=8888 HF_HOME=/work/models
USER 1000:1000
WORKDIR /work
VOLUME /work
EXPOSE 8888
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["node", "/opt/grpo-ts/scripts/container/health.mjs"]
ENTRYPOINT ["tini", "-g", "--", "/opt/grpo-ts/scripts/container/entrypoint.sh"]
CMD ["lab"]
