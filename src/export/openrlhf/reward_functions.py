def reward_func(queries, prompts, labels):
    """OpenRLHF's reward.remote_url: the reward of a completion, which it asks for one at a time, many at once, each in a thread."""
    answer = post("/get_reward", {"query": queries, "prompts": prompts, "labels": labels})
    (reward,) = answer["rewards"]
    (score,) = answer["scores"]
    return {
        "rewards": 0.0 if reward is None else reward,
        "scores": 0.0 if score is None else score,
        "extra_logs": {name: float("nan") if value is None else value for name, (value,) in answer["extra_logs"].items()},
    }
