"""What verl's own code makes of an export: called by run.sh in place of `python -m verl.trainer.main_ppo`, with its arguments.

verl's main reads and checks the configuration, except whether vLLM takes the rank of the adapter, which vLLM itself says; in place of Ray
and the training come its data set, its tokenization, its reward loop and its schedule. Writes check.json. CASES in the environment is a file of completions: [{"problem_id", "ids"}].
"""

import asyncio
import json
import os
import sys
import types

import numpy as np
import torch
import verl.trainer.main_ppo as main_ppo
from omegaconf import OmegaConf
from tensordict import TensorDict
from verl import DataProto
from verl.experimental.reward_loop.reward_loop import RewardLoopWorker
from verl.trainer.ppo.reward import get_custom_reward_fn
from verl.trainer.ppo.utils import create_rl_dataset, create_rl_sampler
from verl.utils.config import omega_conf_to_dataclass
from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder
from verl.utils.torch_functional import get_constant_schedule_with_warmup, get_cosine_schedule_with_warmup
from verl.workers.config import build_optimizer


def prompt_ids(config, model, dataset):
    """As SingleTurnAgentLoop makes them, from rows as the data set gives them."""
    builder = create_continuous_token_builder(
        model.tokenizer, hf_model_type=model.hf_config.model_type, chat_template_kwargs=config.data.apply_chat_template_kwargs
    )
    return [builder.build_initial_tokens(dataset[i]["raw_prompt"]) for i in range(len(dataset))]


def as_data(row, prompt, response):
    """A trajectory as AgentLoopWorker._compute_score hands it to the reward loop."""
    prompts, responses = torch.tensor(prompt), torch.tensor(response, dtype=torch.int64)
    input_ids = torch.cat([prompts, responses])
    batch = {"prompts": prompts, "responses": responses, "input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
    batch = TensorDict({name: tensor.unsqueeze(0) for name, tensor in batch.items()}, batch_size=1)
    other = {name: np.array([value]) for name, value in row.items() if name not in ("prompt", "dummy_tensor")}
    other.update(__num_turns__=np.array([2]), tool_extra_fields=np.array([{"turn_scores": [], "tool_rewards": []}], dtype=object))
    return DataProto(batch=batch, non_tensor_batch=other)


async def scores(config, dataset, prompts, cases):
    """Of verl's reward loop; raw_prompt is left out where an array of it would not be one row."""
    worker = RewardLoopWorker(config)
    place = {dataset[i]["extra_info"]["problem_id"]: i for i in range(len(dataset))}

    def row(case):
        return {name: value for name, value in dataset[place[case["problem_id"]]].items() if name != "raw_prompt"}

    data = [as_data(row(case), prompts[place[case["problem_id"]]], case["ids"]) for case in cases]
    results = await asyncio.gather(*(worker.compute_score(one) for one in data))
    return type(worker.reward_manager).__name__, [
        {"score": result["reward_score"], "values": {name: value for name, value in result["reward_extra_info"].items()}} for result in results
    ]


def learning_rates(config):
    """The rate of every step, as FSDPEngine builds optimizer and schedule."""
    optim = omega_conf_to_dataclass(config.actor_rollout_ref.actor).optim
    total = config.trainer.total_training_steps
    optimizer = build_optimizer([torch.nn.Parameter(torch.zeros(1))], optim)
    if optim.lr_scheduler_type == "cosine":
        schedule = get_cosine_schedule_with_warmup(
            optimizer=optimizer,
            num_warmup_steps=optim.lr_warmup_steps,
            num_training_steps=total,
            min_lr_ratio=optim.min_lr_ratio,
            num_cycles=optim.num_cycles,
            zero_indexed_step=optim.zero_indexed_step,
        )
    else:
        schedule = get_constant_schedule_with_warmup(optimizer=optimizer, num_warmup_steps=optim.lr_warmup_steps)
    rates = []
    for _ in range(total):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return rates


def run_ppo(config, task_runner_class):
    OmegaConf.resolve(config)
    for section in (config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout, config.algorithm):
        omega_conf_to_dataclass(section)
    model = omega_conf_to_dataclass(config.actor_rollout_ref.model)
    dataset = create_rl_dataset(config.data.train_files, config.data, model.tokenizer, model.processor, is_train=True, max_samples=-1)
    sampler = create_rl_sampler(config.data, dataset)
    prompts = prompt_ids(config, model, dataset)
    with open(os.environ["CASES"], encoding="utf-8") as file:
        cases = json.load(file)
    manager, results = asyncio.run(scores(config, dataset, prompts, cases))
    naive = OmegaConf.merge(config, {"reward": {"reward_manager": {"source": "register", "name": "naive"}}})
    naive_manager, naive_results = asyncio.run(scores(naive, dataset, prompts, cases))
    with open("check.json", "w", encoding="utf-8") as file:
        json.dump(
            {
                "trainer": task_runner_class.__ray_metadata__.class_name,
                "sampler": type(sampler).__name__,
                "is_coroutine": asyncio.iscoroutinefunction(get_custom_reward_fn(config).func),
                "prompts": prompts,
                "columns": sorted(dataset[0]),
                "manager": manager,
                "results": results,
                "naive_manager": naive_manager,
                "naive_results": naive_results,
                "learning_rates": learning_rates(config),
                "actor": {
                    name: config.actor_rollout_ref.actor[name] for name in ("ppo_mini_batch_size", "ppo_micro_batch_size_per_gpu", "clip_ratio_high")
                },
                "steps": config.trainer.total_training_steps,
            },
            file,
        )


for name in ("verl.workers.rollout.vllm_rollout", "verl.workers.rollout.vllm_rollout.utils"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["verl.workers.rollout.vllm_rollout.utils"].get_vllm_max_lora_rank = lambda rank: rank
main_ppo.run_ppo = run_ppo
main_ppo.main()
