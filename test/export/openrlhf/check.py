"""What OpenRLHF's own code makes of an export: called by run.sh in place of `python -m openrlhf.cli.train_ppo_ray`, with its arguments.

OpenRLHF's command line is read and checked by its own program; what needs vLLM, DeepSpeed and GPUs is left out (modules in their
places hold nothing). Then come its data set, its agent with a sampler in place of vLLM, its own client of remote rewards, and
whether the names of an adapter's weights are those that vLLM would know. Writes check.json. CASES in the environment is a file of
completions: [{"problem_id", "ids"}].
"""

import asyncio
import json
import os
import runpy
import sys
import types
from unittest import mock


class Arguments(Exception):
    """Ends OpenRLHF's program where it has read its arguments."""


def get_strategy(args):
    raise Arguments(args)


def read_arguments():
    """What `train(args)` begins with: its arguments, checked by the program itself."""
    names = ["ray", "ray.util", "ray.util.placement_group", "openrlhf.trainer", "openrlhf.trainer.ray"]
    names += [f"openrlhf.trainer.ray.{name}" for name in ("launcher", "ppo_actor", "ppo_critic")]
    modules = {name: mock.MagicMock(__path__=[]) for name in names}
    utils = types.ModuleType("openrlhf.utils")
    utils.__path__ = __import__("openrlhf.utils").utils.__path__
    utils.get_strategy = get_strategy
    with mock.patch.dict(sys.modules, {**modules, "openrlhf.utils": utils}):
        try:
            runpy.run_module("openrlhf.cli.train_ppo_ray", run_name="__main__")
        except Arguments as found:
            return found.args[0]


args = read_arguments()

from openrlhf.datasets import PromptDataset  # noqa: E402
from openrlhf.datasets.utils import blending_datasets  # noqa: E402
from openrlhf.utils.agent import SingleTurnAgentExecutor  # noqa: E402
from openrlhf.utils.utils import get_tokenizer  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM, get_scheduler  # noqa: E402
import math  # noqa: E402
import torch  # noqa: E402

strategy = types.SimpleNamespace(args=args, print=print, is_rank_0=lambda: True)
tokenizer = get_tokenizer(args.actor.model_name_or_path, None, "left", strategy, use_fast=not args.data.disable_fast_tokenizer)
data = blending_datasets(args.data.prompt_dataset, args.data.prompt_probs, strategy, args.train.seed, dataset_split=args.data.prompt_split)
dataset = PromptDataset(data, tokenizer, strategy, input_template=args.data.input_template)
prompts = {dataset[i][2]: dataset[i][1] for i in range(len(dataset))}


class Sampler:
    """In place of vLLM: a completion that is known, and the prompt that the agent gave."""

    def __init__(self, ids):
        self.ids = ids
        self.prompt = None

    async def generate(self, prompt_ids, params, multi_modal_data=None):
        self.prompt = prompt_ids
        reason = "stop" if self.ids[-1:] == [tokenizer.eos_token_id] else "length"
        output = types.SimpleNamespace(token_ids=list(self.ids), text=tokenizer.decode(self.ids), logprobs=None, finish_reason=reason)
        return types.SimpleNamespace(outputs=[output])


async def ask(urls, cases):
    """The agent's results for completions, all at once, as its engines ask."""
    agent = SingleTurnAgentExecutor(urls)
    params = types.SimpleNamespace(max_tokens=args.rollout.max_new_tokens, logprobs=None)

    async def one(case):
        sampler = Sampler(case["ids"])
        label = case["problem_id"]
        output = await agent.execute(prompts[label], label, params, args.data.max_len, tokenizer, sampler)
        return {"prompt": sampler.prompt, "score": output["reward"], "values": output["extra_logs"], "truncated": output["truncated"]}

    return await asyncio.gather(*(one(case) for case in cases))


def learning_rates(steps):
    """The rate of every step, as DeepspeedStrategy builds the schedule."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=args.actor.adam.lr)
    has_minimum = args.actor.lr_scheduler in ("cosine_with_min_lr", "cosine_warmup_with_min_lr")
    schedule = get_scheduler(
        args.actor.lr_scheduler,
        optimizer,
        num_warmup_steps=math.ceil(steps * args.actor.lr_warmup_ratio),
        num_training_steps=steps,
        scheduler_specific_kwargs={"min_lr_rate": args.actor.min_lr_ratio} if has_minimum else {},
    )
    rates = []
    for _ in range(steps):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return rates


def adapter_names():
    """Names of weights that ActorPPOTrainer.broadcast_to_vllm would send of a model with an adapter, and those of the model."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(args.actor.model_name_or_path))
        plain = {name for name, _ in model.named_parameters()}
        adapted = {name for name, _ in get_peft_model(model, LoraConfig(r=8, target_modules="all-linear")).named_parameters()}
    return sorted(adapted - plain)[:2], len(adapted & plain)


with open(os.environ["CASES"], encoding="utf-8") as file:
    cases = json.load(file)
url = os.environ["GRPO_TS_REWARDS_URL"].replace("://", f"://x:{os.environ['GRPO_TS_REWARDS_TOKEN']}@")
steps = len(dataset) * args.rollout.n_samples_per_prompt // args.train.batch_size * args.train.num_episodes * args.train.max_epochs
with open("check.json", "w", encoding="utf-8") as file:
    json.dump(
        {
            "rows": [{"problem_id": dataset[i][2], "prompt": dataset[i][1]} for i in range(len(dataset))],
            "results": asyncio.run(ask(args.reward.remote_url, cases)),
            "own_client_results": asyncio.run(ask([f"{url}/get_reward"], cases)),
            "adapter_names": adapter_names(),
            "steps": steps,
            "learning_rates": learning_rates(steps),
            "batch": [args.rollout.batch_size, args.rollout.n_samples_per_prompt, args.train.batch_size, args.train.micro_batch_size],
            "critic": args.critic.model_name_or_path,
        },
        file,
    )
