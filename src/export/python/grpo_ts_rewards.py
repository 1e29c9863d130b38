"""Rewards of a grpo-ts run, which `grpo-ts serve-rewards config.yaml` computes. Standard library only.

Environment:
  GRPO_TS_REWARDS_URL       address of the service: http://127.0.0.1:8765
  GRPO_TS_REWARDS_TOKEN     its token, if it wants one
  GRPO_TS_REWARDS_TIMEOUT   seconds that an answer may take: 300
  GRPO_TS_REWARDS_PATIENCE  seconds after which a service that does not answer ends the training: 600
  GRPO_TS_REWARDS_LOG       file, with .RANK behind its name, that every batch with its rewards is appended to; none

Run as a program it says whether the service is ready: 0, or 75 while it does not answer, or 1 where it is another one.
"""

import http.client
import json
import os
import sys
import threading
import time
import urllib.parse

URL = os.environ.get("GRPO_TS_REWARDS_URL", "http://127.0.0.1:8765")
TOKEN = os.environ.get("GRPO_TS_REWARDS_TOKEN", "").strip()
TIMEOUT = float(os.environ.get("GRPO_TS_REWARDS_TIMEOUT", "300"))
PATIENCE = float(os.environ.get("GRPO_TS_REWARDS_PATIENCE", "600"))
LOG = os.environ.get("GRPO_TS_REWARDS_LOG")
# Of the protocol, and of the configuration that this folder was exported with.
VERSION = 1
CONFIG_HASH = "{{CONFIG_HASH}}"


class RewardsError(RuntimeError):
    """The service refuses, is another one, or stays away: the training cannot go on."""


class Unavailable(Exception):
    """It may answer when it is asked again, after `wait` seconds where it says so."""

    def __init__(self, message, wait=None):
        super().__init__(message)
        self.wait = wait


class Kept(threading.local):
    """The open connection of a thread, and the process that opened it: after a fork it is somebody else's."""

    connection = None
    process = None


kept = Kept()


def send(connection, method, path, body=None):
    """One request over an open connection. Raises Unavailable, or RewardsError for what asking again does not cure."""
    if TOKEN and not (TOKEN.isascii() and TOKEN.isprintable() and " " not in TOKEN):
        # http.client would say the token in its error.
        raise RewardsError("GRPO_TS_REWARDS_TOKEN holds characters that no token may: spaces, line ends or others than ASCII")
    headers = {"connection": "keep-alive"}
    if body is not None:
        headers["content-type"] = "application/json"
    if TOKEN:
        headers["authorization"] = f"Bearer {TOKEN}"
    try:
        connection.request(method, urllib.parse.urlsplit(URL).path.rstrip("/") + path, body, headers)
        response = connection.getresponse()
        content = response.read()
        if response.status == 200:
            return json.loads(content)
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:  # refused, reset, timed out, cut short
        raise Unavailable(f"{type(error).__name__}: {error}") from error
    problem = f"{response.status} {response.reason}: {content.decode(errors='replace')[:500]}"
    if response.status == 429 or response.status >= 500:
        after = response.getheader("retry-after", "")
        raise Unavailable(problem, min(float(after), 60.0) if after.isdecimal() else None)
    raise RewardsError(f"the reward service at {URL} refuses the request: {problem}")


def connect():
    """Opens a connection to the service and makes sure that it gives the rewards that this folder was exported with."""
    address = urllib.parse.urlsplit(URL)
    kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}.get(address.scheme)
    if kind is None or not address.hostname:
        raise RewardsError("GRPO_TS_REWARDS_URL is no address of a service; expected one such as http://127.0.0.1:8765")
    connection = kind(address.hostname, address.port, timeout=TIMEOUT)
    health = send(connection, "GET", "/health")
    if not isinstance(health, dict) or health.get("version") != VERSION:
        raise RewardsError(
            f"what answers at {URL} does not speak version {VERSION} of the rewards' protocol: {json.dumps(health)[:300]}; take the "
            "version of grpo-ts in package.json"
        )
    if health.get("config_hash") != CONFIG_HASH:
        raise RewardsError(
            f"the reward service at {URL} gives other rewards than those of this folder (config_hash {health.get('config_hash')}, "
            f"expected {CONFIG_HASH}): task, problems, rewards or weights have changed; start it with config.yaml of this folder, or "
            "export again"
        )
    kept.connection, kept.process = connection, os.getpid()
    return health


def disconnect():
    if kept.connection is not None and kept.process == os.getpid():
        kept.connection.close()
    kept.connection = None


def post(path, body):
    """The answer to a request. Asks again after 1, 2, 4 ... 30 seconds while the service does not answer, for PATIENCE in all."""
    data = json.dumps(body).encode()
    started = time.monotonic()
    wait = 1.0
    while True:
        is_old = kept.connection is not None and kept.process == os.getpid()
        try:
            if not is_old:
                connect()
            return send(kept.connection, "POST", path, data)
        except Unavailable as error:
            disconnect()
            # A connection that was idle may have been closed meanwhile.
            if is_old and error.wait is None:
                continue
            pause = error.wait if error.wait is not None else wait
            left = PATIENCE - (time.monotonic() - started)
            if left <= pause:
                raise RewardsError(
                    f"the reward service at {URL} did not answer for {PATIENCE:.0f} s ({error}); start it (grpo-ts serve-rewards "
                    "config.yaml) and resume from the last checkpoint"
                ) from error
            print(f"grpo-ts rewards: {error}; asking again in {pause:.0f} s", file=sys.stderr, flush=True)
            time.sleep(pause)
            wait = min(2 * wait, 30.0)


def score(batch, **logged):
    """What `/v1/rewards` answers for {"problem_ids", "completion_ids"}: `rewards` by function, a missing value is None, and `total`.

    What else is `logged` goes into the log only.
    """
    started = time.monotonic()
    answer = post("/v1/rewards", batch)
    count = len(batch["problem_ids"])
    try:
        failures = [f"{failure['reward']} gave no value: {failure['message']}" for failure in answer["errors"]]
        is_whole = answer["version"] == VERSION and all(
            len(values) == count and all(value is None or type(value) in (int, float) for value in values)
            for values in [*answer["rewards"].values(), answer["total"]]
        )
    except (AttributeError, KeyError, TypeError):
        is_whole = False
    if not is_whole:
        raise RewardsError(f"the reward service at {URL} answered something else than rewards: {json.dumps(answer)[:500]}")
    for failure in failures[:3]:
        print(f"grpo-ts rewards: {failure}", file=sys.stderr, flush=True)
    if LOG:
        with open(f"{LOG}.{os.environ.get('RANK', '0')}", "a", encoding="utf-8") as file:
            file.write(json.dumps({**batch, **logged, **answer, "seconds": time.monotonic() - started}) + "\n")
    return answer


def main():
    try:
        health = connect()
    except Unavailable as error:
        print(f"{URL}: {error}", file=sys.stderr)
        return 75
    except RewardsError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"rewards: {', '.join(health['rewards'])} of {health['problems']} problems of {health['task']}, at {URL}")
    return 0
