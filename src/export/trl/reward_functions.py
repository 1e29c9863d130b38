_EOS_TOKEN_IDS = {{EOS_TOKEN_IDS}}
_last: dict = {"batch": None, "rewards": None}
_lock = threading.Lock()


def _scores(batch, completions):
    """All rewards of a batch by name: TRL calls each function by itself, the first call asks for all."""
    with _lock:
        if _last["batch"] != batch:
            _last["rewards"] = score(batch, completions=completions)["rewards"]
            _last["batch"] = batch
        return _last["rewards"]


def _reward(name, *, logs=False):
    def function(completions, completion_ids, problem_id, log_extra=None, **_):
        if logs and log_extra is not None:
            # For the files of completions, which grpo-ts import reads.
            log_extra("problem_id", problem_id)
            log_extra("completion_length", [len(ids) for ids in completion_ids])
            log_extra("finish_reason", ["stop" if ids and ids[-1] in _EOS_TOKEN_IDS else "length" for ids in completion_ids])
        # The service decodes the tokens, as grpo-ts does, and sees by them what was cut off.
        return _scores({"problem_ids": problem_id, "completion_ids": completion_ids}, completions)[name]

    # TRL logs rewards/NAME/mean.
    function.__name__ = name
    return function
