"$PYTHON" -m openrlhf.cli.train_ppo_ray
--actor.num_nodes "$NNODES" --actor.num_gpus_per_node "$((PROCESSES / NNODES))"
--ref.num_nodes "$NNODES" --ref.num_gpus_per_node "$((PROCESSES / NNODES))"
--vllm.num_engines "$PROCESSES" --vllm.tensor_parallel_size 1 --vllm.gpu_memory_utilization 0.6
--train.colocate_all --vllm.enable_sleep --ds.enable_sleep --actor.gradient_checkpointing_enable
--actor.model_name_or_path {{MODEL}}
{{FLAGS}}
