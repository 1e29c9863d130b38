"""Whether verl makes of the messages in data/ the tokens that grpo-ts trains on: ends with 1 at the first that differs."""

import json
import sys

import datasets
from transformers import AutoConfig
from verl.utils import hf_tokenizer
from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder

MODEL, REVISION = {{MODEL}}

# As verl's agent loop does it.
builder = create_continuous_token_builder(
    hf_tokenizer(MODEL, revision=REVISION), hf_model_type=AutoConfig.from_pretrained(MODEL, revision=REVISION).model_type
)
rows = datasets.load_dataset("parquet", data_files="data/train.parquet", split="train")
count = 0
with open("prompt_ids.jsonl", encoding="utf-8") as expected:
    for row, line in zip(rows, expected, strict=True):
        ours = json.loads(line)
        theirs = builder.build_initial_tokens(row["prompt"])
        if row["extra_info"]["problem_id"] != ours["problem_id"] or theirs != ours["ids"]:
            place = next((i for i, (a, b) in enumerate(zip(theirs, ours["ids"])) if a != b), min(len(theirs), len(ours["ids"])))
            sys.exit(
                f"prompt of problem {ours['problem_id']}: the tokens differ from place {place} on\n"
                f"  here    {theirs[place : place + 8]} of {len(theirs)}\n  grpo-ts {ours['ids'][place : place + 8]} of {len(ours['ids'])}\n"
                "The tokenizer is another one than at the export, or another version: take the versions of requirements.txt, or export again"
            )
        count += 1
print(f"prompts: {count} of {count} have the tokens that grpo-ts gives the model")
