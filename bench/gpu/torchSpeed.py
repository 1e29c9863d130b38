"""PyTorch, transformers and TRL on the sizes that bench/gpu/worker.ts measures: torchSpeed.py JOB, where JOB is JSON with model, folder
(a model in Hugging Face's layout), sizes (as there), device and dtype. Prints a record a line, as JSON that begins with "benchmark"."""
import json
import resource
import sys
import time
import traceback

job = json.loads(sys.argv[1])
sizes = job["sizes"]

import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

device = torch.device(job["device"])
dtype = getattr(torch, job["dtype"])
prompt_length, new = sizes["promptLength"], sizes["maxCompletionLength"]
common = dict(model=job["model"], device=job["device"], precision=job["dtype"], torch=torch.__version__)
lora = LoraConfig(r=sizes["loraR"], lora_alpha=2 * sizes["loraR"], lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")


def say(benchmark, **values):
    print(json.dumps(dict(benchmark=benchmark, **values)), flush=True)


def load():
    return AutoModelForCausalLM.from_pretrained(job["folder"], dtype=dtype).to(device)


def best(body, runs=2):
    """Seconds of the first run, and of the fastest after it."""
    seconds = []
    for _ in range(runs + 1):
        if device.type == "cuda":
            torch.cuda.synchronize()
        started = time.perf_counter()
        body()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return seconds[0], min(seconds[1:])


def peaks():
    cuda = torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else None
    return dict(peak_device_mib=cuda, peak_rss_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)


def generation():
    model = load().eval()
    model.generation_config.eos_token_id = None
    for completions in sizes["sampled"]:
        group = min(sizes["numGenerations"], completions)
        prompts = torch.randint(0, model.config.vocab_size, (completions // group, prompt_length), device=device).repeat_interleave(group, 0)

        @torch.inference_mode()
        def body():
            model.generate(prompts, attention_mask=torch.ones_like(prompts), do_sample=True, top_k=0, max_new_tokens=new, pad_token_id=0)

        first, seconds = best(body)
        tokens = completions * new
        say("generation", **common, engine="transformers", transformers=transformers.__version__, completions=completions, first_s=first, generation_s=seconds, completion_tokens=tokens, generation_tokens_per_s=tokens / seconds, **peaks())


def training():
    model = get_peft_model(load(), lora)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5)
    for completions in sizes["trained"]:
        ids = torch.randint(0, model.config.vocab_size, (completions, prompt_length + new), device=device)
        advantages = (1.0 - 2.0 * (torch.arange(completions, device=device) % 2)).unsqueeze(1)

        def body():
            logits = model(ids, logits_to_keep=new + 1).logits[:, :-1]
            targets = ids[:, -new:].unsqueeze(-1)
            log_probs = logits.gather(-1, targets).squeeze(-1).float() - torch.logsumexp(logits.float(), -1)
            loss = -(torch.exp(log_probs - log_probs.detach()) * advantages).mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        first, seconds = best(body)
        tokens = completions * (prompt_length + new)
        say("training", **common, engine="transformers", completions=completions, first_s=first, training_s=seconds, trained_tokens=tokens, training_tokens_per_s=tokens / seconds, **peaks())


def step():
    """Whole steps of TRL's trainer, of as many completions as are trained on together at most."""
    import tempfile

    import trl
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    model = load()
    words = {f"w{i}": i for i in range(model.config.vocab_size)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="w0", eos_token="w1", bos_token="w2", unk_token="w0")
    completions, group = max(sizes["trained"]), min(sizes["numGenerations"], max(sizes["trained"]))
    steps = 3
    numbers = torch.randint(3, model.config.vocab_size, (steps * completions // group, prompt_length)).tolist()
    seconds = []

    class Trainer(GRPOTrainer):
        sampling = 0.0

        def _generate_single_turn(self, *args, **options):
            started = time.perf_counter()
            result = super()._generate_single_turn(*args, **options)
            self.sampling += time.perf_counter() - started
            return result

    class Clock(TrainerCallback):
        def on_step_begin(self, *args, **options):
            self.started, trainer.sampling = time.perf_counter(), 0.0

        def on_step_end(self, *args, **options):
            seconds.append((time.perf_counter() - self.started, trainer.sampling))

    def reward(completion_ids, **options):
        return [float(i % 2) for i in range(len(completion_ids))]

    with tempfile.TemporaryDirectory() as folder:
        options = dict(
            output_dir=folder, use_cpu=device.type == "cpu", bf16=job["dtype"] == "bfloat16" and device.type == "cuda", fp16=False,
            per_device_train_batch_size=completions, gradient_accumulation_steps=1, num_generations=group, max_steps=steps, learning_rate=1e-5,
            max_completion_length=new, generation_kwargs=dict(min_new_tokens=new), beta=0.0, loss_type="dapo", gradient_checkpointing=False,
            logging_steps=1000, save_strategy="no", report_to=[], disable_tqdm=True,
        )
        data = Dataset.from_dict({"prompt": [" ".join(f"w{i}" for i in ids) for ids in numbers]})
        trainer = Trainer(model=model, reward_funcs=reward, args=GRPOConfig(**options), processing_class=tokenizer, train_dataset=data, peft_config=lora, callbacks=[Clock()])
        trainer.train()
    step_s, sampling = min(seconds[1:])
    tokens = completions * new
    say("step", **common, engine="trl", trl=trl.__version__, completions=completions, step_s=step_s, generation_s=sampling, training_s=step_s - sampling, generation_tokens_per_s=tokens / sampling, training_tokens_per_s=completions * (prompt_length + new) / (step_s - sampling), **peaks())


failed = False
for part in (generation, training, step):
    try:
        part()
    except Exception:
        failed = True
        traceback.print_exc()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
sys.exit(1 if failed else 0)
