import asyncio
import concurrent.futures

# A thread keeps its connection to the service; verl asks for one completion at a time, many at once.
_threads = concurrent.futures.ThreadPoolExecutor(64, "grpo-ts-rewards")


async def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """verl's reward.custom_reward_function: `score`, the weighted sum, and what it is made of, which verl logs."""
    batch = {"problem_ids": [extra_info["problem_id"]]}
    if "completion_ids" in extra_info:
        batch["completion_ids"] = [extra_info["completion_ids"]]
    else:
        batch["completions"] = [solution_str]
    answer = await asyncio.get_running_loop().run_in_executor(_threads, score, batch)
    values = {name: float("nan") if value is None else value for name, (value,) in answer["rewards"].items()}
    (total,) = answer["total"]
    return {**values, "score": 0.0 if total is None else total}


try:
    from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager
except ImportError:  # run as a program, with no need of verl
    pass
else:

    class TokenRewardManager(NaiveRewardManager):
        """verl's naive manager, which hands over text: the tokens too, which tell whether a completion was cut off."""

        async def run_single(self, data):
            item = data[-1]
            ids = item.batch["responses"]
            length = int(item.batch["attention_mask"][-ids.shape[-1] :].sum())
            info = {**item.non_tensor_batch["extra_info"], "completion_ids": ids[:length].tolist()}
            data.non_tensor_batch["extra_info"][-1] = info
            return await super().run_single(data)
