"$PYTHON" -m verl.trainer.main_ppo --config-path "$PWD" --config-name verl
trainer.nnodes="$NNODES" trainer.n_gpus_per_node="$((PROCESSES / NNODES))"
actor_rollout_ref.model.path=\"{{MODEL}}\"
data.train_files=\""$PWD/data/train.parquet"\" data.val_files=\""$PWD/data/train.parquet"\"
reward.custom_reward_function.path=\""$PWD/grpo_ts_rewards.py"\"
reward.reward_manager.module.path=\""$PWD/grpo_ts_rewards.py"\"
trainer.default_local_dir=\""$PWD/output"\" trainer.rollout_data_dir=\""$PWD/output/rollouts"\" trainer.experiment_name=run
