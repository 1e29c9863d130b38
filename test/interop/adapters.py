"""
Loads the adapters and merged models in the given folder with transformers and PEFT, makes adapters there, and writes the
logits of all of them to results.json (float32).
"""

import json
import os
import sys
import warnings

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

warnings.filterwarnings("ignore")
os.chdir(sys.argv[1])
torch.manual_seed(0)
torch.set_num_threads(1)
ids = torch.tensor([json.load(open("ids.json"))])


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def logits(model):
    with torch.no_grad():
        return model.eval()(ids).logits[0].flatten().tolist()


class Mask(torch.nn.Module):
    """Takes the place of the dropout of one linear layer."""

    def __init__(self, factors):
        super().__init__()
        self.factors = torch.tensor(factors)

    def forward(self, x):
        return x * self.factors


def dropped(model, masks):
    """Log-probability of the sequence in training mode with given masks, and the gradients of A and B."""
    model.train()
    for name, module in model.named_modules():
        if hasattr(module, "lora_A") and len(module.lora_A) > 0:
            module.lora_dropout["default"] = Mask(masks[name.removeprefix("base_model.model.")])
    logps = model(ids).logits[0, :-1].log_softmax(-1).gather(-1, ids[0, 1:, None])
    logps.sum().backward()
    grads = {name.replace(".default", ""): p.grad.flatten().tolist() for name, p in model.named_parameters() if p.grad is not None}
    return {"logps": logps.flatten().tolist(), "grads": grads}


def trainable(model, folder):
    return PeftModel.from_pretrained(load(model), folder, is_trainable=True)


results = {"base": {}, "ours": {}, "merged": {}, "options": {}, "theirs": {}}
for name in sorted(os.listdir("models")):
    results["base"][name] = logits(load(f"models/{name}"))
    results["ours"][name] = logits(PeftModel.from_pretrained(load(f"models/{name}"), f"ours/{name}"))
    results["merged"][name] = logits(load(f"merged/{name}"))
for name in sorted(os.listdir("options")):
    model = PeftModel.from_pretrained(load("models/llama"), f"options/{name}")
    results["options"][name] = logits(model)
    # Saved again by PEFT, it has to load here.
    model.save_pretrained(f"again/{name}")
results["dropout"] = dropped(trainable("models/llama", "options/dropout"), json.load(open("masks.json")))

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
cases = {
    "allLinear": dict(r=3, lora_alpha=5, target_modules="all-linear"),
    "rslora": dict(r=4, lora_alpha=6, use_rslora=True, target_modules=ATTENTION),
    "subset": dict(r=2, lora_alpha=4, target_modules=["q_proj", "down_proj"], lora_dropout=0.5),
    "oneLayer": dict(r=2, lora_alpha=4, target_modules=ATTENTION, layers_to_transform=[1]),
    "layersPattern": dict(r=2, lora_alpha=4, target_modules=["o_proj"], layers_to_transform=0, layers_pattern="layers"),
    "patterns": dict(
        r=4,
        lora_alpha=6,
        target_modules=["q_proj", "v_proj", "up_proj"],
        rank_pattern={"up_proj": 2, r"layers\.1\.self_attn\.q_proj": 3},
        alpha_pattern={"v_proj": 9.5},
    ),
    "rsloraPatterns": dict(
        r=4, lora_alpha=6, use_rslora=True, target_modules=ATTENTION, rank_pattern={"k_proj": 1}, alpha_pattern={"^model.layers.0.*q_proj": 2}
    ),
    "regex": dict(r=2, lora_alpha=4, target_modules=r".*self_attn\.(q|v)_proj"),
    "rankOrder": dict(r=2, lora_alpha=4, target_modules=ATTENTION, rank_pattern={"layers.0.*": 3, "q_proj": 1}),
    "fullNames": dict(
        r=2, lora_alpha=4, target_modules=["model.layers.0.mlp.up_proj", "v_proj"], layers_to_transform=[1], layers_pattern=["layers"]
    ),
    "excluded": dict(r=2, lora_alpha=4, target_modules="all-linear", exclude_modules=["down_proj"]),
    "bfloat16": dict(r=2, lora_alpha=4, target_modules=ATTENTION),
    # What follows is to be refused.
    "dora": dict(r=2, lora_alpha=4, target_modules=ATTENTION, use_dora=True),
    "modulesToSave": dict(r=2, lora_alpha=4, target_modules=ATTENTION, modules_to_save=["lm_head"]),
    "bias": dict(r=2, lora_alpha=4, target_modules=ATTENTION, bias="lora_only"),
    "head": dict(r=2, lora_alpha=4, target_modules=["q_proj", "lm_head"]),
    "embedding": dict(r=2, lora_alpha=4, target_modules=["q_proj", "embed_tokens"]),
}
for name, options in cases.items():
    base = "qwen2" if name == "bias" else "llama"
    model = get_peft_model(load(f"models/{base}"), LoraConfig(task_type="CAUSAL_LM", **options))
    for parameter_name, parameter in model.named_parameters():
        if "lora_B" in parameter_name:
            torch.nn.init.normal_(parameter, std=0.3)
        if "lora_" in parameter_name and name == "bfloat16":
            parameter.data = parameter.data.to(torch.bfloat16).to(torch.float32)
    results["theirs"][name] = logits(model)
    if name == "bfloat16":
        for parameter_name, parameter in model.named_parameters():
            if "lora_" in parameter_name:
                parameter.data = parameter.data.to(torch.bfloat16)
    model.save_pretrained(f"theirs/{name}")

# What older versions of PEFT wrote by default.
os.makedirs("theirs/pickled")
torch.save({}, "theirs/pickled/adapter_model.bin")
os.link("theirs/subset/adapter_config.json", "theirs/pickled/adapter_config.json")

json.dump(results, open("results.json", "w"))
