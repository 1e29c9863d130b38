_EOS_TOKEN_IDS = {{EOS_TOKEN_IDS}}
_last: dict = {"batch": None, "rewards": None}
_lock = threading.Lock()


def _scores(completions, completion_ids, problem_id):
    """All rewards of a batch by name: TRL calls each function by itself, the first call asks for all."""
    batch = {"problem_ids": list(problem_id), "completions": completions, "completion_ids": completion_ids}
    with _lock:
        if _last["batch"] != batch:
            _last["rewards"] = score(batch)["rewards"]
            _last["batch"] = batch
        return _last["rewards"]


def _reward(name, *, logs=False):
    def function(completions, completion_ids, problem_id, log_extra=None, **_):
        if logs and log_extra is not None:
            # For the files of completions, which grpo-ts import reads.
            log_extra("problem_id", list(problem_id))
            log_extra("completion_length", [len(ids) for ids in completion_ids])
            log_extra("finish_reason", ["stop" if ids and ids[-1] in _EOS_TOKEN_IDS else "length" for ids in completion_ids])
        return _scores(completions, completion_ids, problem_id)[name]

    # TRL logs rewards/NAME/mean.
    function.__name__ = name
    return function
