"""verl's policy losses of single tokens for actor settings: standard input is [{"actor", "tokens": [[log ratio, advantage, log prob]]}]."""

import json
import sys

import torch
from verl.trainer.ppo.core_algos import get_policy_loss_fn
from verl.workers.config import FSDPActorConfig


def losses(actor, tokens):
    mode = actor.pop("policy_loss")["loss_mode"]
    known = {name: value for name, value in actor.items() if name in FSDPActorConfig.__dataclass_fields__ and not isinstance(value, dict)}
    config = FSDPActorConfig(strategy="fsdp", rollout_n=8, **known)
    config.global_batch_info.update(dp_size=1, batch_num_tokens=None, global_batch_size=None, loss_scale_factor=None)
    loss_of = get_policy_loss_fn(mode)
    for log_ratio, advantage, log_prob in tokens:
        now, mask = torch.tensor([[log_prob]], dtype=torch.float64), torch.ones(1, 1, dtype=torch.bool)
        gains = torch.tensor([[advantage]], dtype=torch.float64)
        loss, _ = loss_of(now - log_ratio, now, gains, mask, loss_agg_mode="token-mean", config=config)
        yield loss.item()


print(json.dumps([list(losses(**one)) for one in json.load(sys.stdin)]))
