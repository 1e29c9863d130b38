device=()
if ! "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
  # Without it accelerate takes NCCL for several processes.
  export ACCELERATE_USE_CPU=true
  device=(--use_cpu true --bf16 false --dtype float32)
fi
exec "$PYTHON" -m torch.distributed.run --nnodes "$NNODES" --nproc_per_node "$((PROCESSES / NNODES))" --node_rank "$NODE_RANK" \
  --master_addr "$MASTER_ADDR" --master_port "$MASTER_PORT" train.py --config trl.yaml ${device[@]+"${device[@]}"} "$@"
