"""Whether OpenRLHF's tokenizer makes of the prompts in data/ the tokens that grpo-ts trains on: ends with 1 at the first that differs."""

import json
import sys

import pyarrow.parquet
from transformers import AutoTokenizer

MODEL, REVISION = {{MODEL}}

tokenizer = AutoTokenizer.from_pretrained(MODEL, revision=REVISION)
with open("prompt_ids.jsonl", encoding="utf-8") as expected:
    prompt_ids = {row["problem_id"]: row["ids"] for row in map(json.loads, expected)}
count = 0
for row in pyarrow.parquet.read_table("data/train.parquet", columns=["prompt", "problem_id"]).to_pylist():
    ours = prompt_ids[row["problem_id"]]
    # As SingleTurnAgentExecutor does it.
    theirs = tokenizer(text=row["prompt"], add_special_tokens=False)["input_ids"]
    if theirs != ours:
        place = next((i for i, (a, b) in enumerate(zip(theirs, ours)) if a != b), min(len(theirs), len(ours)))
        sys.exit(
            f"prompt of problem {row['problem_id']}: the tokens differ from place {place} on\n"
            f"  here    {theirs[place : place + 8]} of {len(theirs)}\n  grpo-ts {ours[place : place + 8]} of {len(ours)}\n"
            "The tokenizer is another one than at the export, or another version: take the versions of requirements.txt, or export again"
        )
    count += 1
print(f"prompts: {count} of {count} have the tokens that grpo-ts gives the model")
