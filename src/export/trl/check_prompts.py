"""Whether TRL's tokenizer makes of the prompts in data/ the tokens that grpo-ts trains on: ends with 1 at the first that differs."""

import json
import sys

import pyarrow.parquet
import yaml
from transformers import AutoTokenizer

with open("trl.yaml", encoding="utf-8") as file:
    config = yaml.safe_load(file)
tokenizer = AutoTokenizer.from_pretrained(config["model_name_or_path"], revision=config.get("model_revision", "main"))
count = 0
data = pyarrow.parquet.read_table("data/train.parquet").to_pylist()
with open("prompt_ids.jsonl", encoding="utf-8") as expected:
    for prompt, line in zip(data, expected, strict=True):
        ours = json.loads(line)
        # As GRPOTrainer._tokenize_prompts does it.
        theirs = tokenizer(text=[prompt["prompt"]])["input_ids"][0]
        if prompt["problem_id"] != ours["problem_id"] or theirs != ours["ids"]:
            place = next((i for i, (a, b) in enumerate(zip(theirs, ours["ids"])) if a != b), min(len(theirs), len(ours["ids"])))
            sys.exit(
                f"prompt of problem {ours['problem_id']}: the tokens differ from place {place} on\n"
                f"  here    {theirs[place : place + 8]} of {len(theirs)}\n  grpo-ts {ours['ids'][place : place + 8]} of {len(ours['ids'])}\n"
                "The tokenizer is another one than at the export, or another version: take the versions of requirements.txt, or export again"
            )
        count += 1
print(f"prompts: {count} of {count} have the tokens that grpo-ts gives the model")
