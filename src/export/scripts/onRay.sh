words=({{COMMAND}} "$@")
# Ray's processes have the environment that Ray is started in: each machine asks its own reward service.
if ((NNODES == 1)); then exec "${words[@]}"; fi
ray=("$PYTHON" -m ray.scripts.scripts)
if ((NODE_RANK > 0)); then exec "${ray[@]}" start --address "$MASTER_ADDR:$MASTER_PORT" --block; fi
"${ray[@]}" start --head --node-ip-address "$MASTER_ADDR" --port "$MASTER_PORT"
until "$PYTHON" -c 'import os, ray, sys; ray.init("auto"); sys.exit(sum(node["Alive"] for node in ray.nodes()) < int(os.environ["NNODES"]))'; do
  sleep 1
done
"${words[@]}" &
child=$!
trap 'kill -TERM "$child"' TERM
code=0
wait "$child" || code=$?
if kill -0 "$child" 2>/dev/null; then wait "$child" || code=$?; fi
"${ray[@]}" stop
exit "$code"
