#!/usr/bin/env bash
# Trains with {{TITLE}}: starts the reward service of config.yaml on this machine, waits until it answers, starts the engine, and ends
# the service when the engine has ended. A service that dies is started again: the engine waits for it. The exit code is the engine's.
#
#   PYTHON     Python with the packages of requirements.txt: that of venv/, which setup.sh makes, else python3
#   GRPO_TS    dist/cli/main.js of a copy of grpo-ts, in place of the package that package.json names
#   NNODES     machines, each of which runs this with its NODE_RANK (0, 1, ...) and one MASTER_ADDR: 1
#   REWARDS_WAIT  seconds that the service may take to start, data that it downloads included: 600
# Arguments are handed on to the engine.
set -euo pipefail
# Paths are from where this was called.
[[ ${PYTHON:-} != */* || $PYTHON == /* ]] || PYTHON=$PWD/$PYTHON
[[ ${GRPO_TS:-/} == /* ]] || GRPO_TS=$PWD/$GRPO_TS
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

refuse() {
  echo "run.sh: $1" >&2
  exit 2
}
whole='^(0|[1-9][0-9]{0,8})$'

if [[ -x venv/bin/python ]]; then export PATH=$PWD/venv/bin:$PATH; fi
export PYTHON=${PYTHON:-python3} NNODES=${NNODES:-1} NODE_RANK=${NODE_RANK:-0} MASTER_ADDR=${MASTER_ADDR:-127.0.0.1}
# The batches in the engine's configuration are those of so many processes.
export PROCESSES={{PROCESSES}}
if [[ ! $NNODES =~ $whole || ! $NODE_RANK =~ $whole ]] || ((NODE_RANK >= NNODES)); then
  refuse "NNODES is $NNODES and NODE_RANK $NODE_RANK; expected a number of machines, and which of them this is, from 0"
fi
((PROCESSES % NNODES == 0)) || refuse "$PROCESSES processes do not divide by $NNODES machines"
[[ ${REWARDS_WAIT:=600} =~ $whole ]] || refuse "REWARDS_WAIT is $REWARDS_WAIT; expected whole seconds"
command -v "$PYTHON" >/dev/null || refuse "there is no Python $PYTHON; run setup.sh, which makes one in venv/, or set PYTHON"
command -v node >/dev/null || refuse "there is no Node.js; run setup.sh, which installs it in venv/"

if [[ -n ${GRPO_TS:-} ]]; then
  [[ -f $GRPO_TS ]] || refuse "there is no file $GRPO_TS; expected dist/cli/main.js of grpo-ts, or no GRPO_TS"
  grpo_ts=(node "$GRPO_TS")
else
  [[ -x node_modules/.bin/grpo-ts ]] || npm install --no-audit --no-fund
  grpo_ts=(node_modules/.bin/grpo-ts)
fi

free_port() {
  "$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
export MASTER_PORT=${MASTER_PORT:-$([[ $NNODES == 1 ]] && free_port || echo 29500)}
# For this machine alone, and for whoever has the token, which is in no file and in no list of processes.
port=$(free_port)
export GRPO_TS_REWARDS_URL=http://127.0.0.1:$port
GRPO_TS_REWARDS_TOKEN=$("$PYTHON" -c 'import secrets; print(secrets.token_urlsafe(32))')
export GRPO_TS_REWARDS_TOKEN

mkdir -p logs
name=logs/serve-rewards-$(uname -n)-$NODE_RANK
log=$name.log
pid_file=$name.pid

# shellcheck disable=SC2329 # traps call it
# Ends a process of ours and waits for it, for 30 seconds at most.
end() {
  local i
  kill -TERM "$1" 2>/dev/null || return 0
  for ((i = 0; i < 150; i++)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.2
  done
  kill -KILL "$1" 2>/dev/null || true
}

# Runs the service until it is told to end, again and again if it dies; gives up when it dies five times within 10 seconds each.
keep_serving() {
  local child='' deaths=0 code started
  trap '[[ -z $child ]] || end "$child"; exit 0' TERM
  while :; do
    started=$SECONDS
    "${grpo_ts[@]}" serve-rewards config.yaml --host 127.0.0.1 --port "$port" >>"$log" 2>&1 &
    child=$!
    echo "$child" >"$pid_file"
    code=0
    wait "$child" || code=$?
    child=''
    if ((SECONDS - started < 10)); then deaths=$((deaths + 1)); else deaths=0; fi
    if ((deaths >= 5)); then
      echo "run.sh: the reward service ended five times at once, the last time with $code; see $log" >&2
      return 1
    fi
    echo "run.sh: the reward service ended with $code; starting it again (see $log)" >&2
    sleep 1
  done
}

train() {
{{TRAIN}}
}

service='' engine=''
# shellcheck disable=SC2329 # the trap calls it
clean_up() {
  trap - EXIT INT TERM HUP
  if [[ -n $engine ]]; then end "$engine"; fi
  # It ends the service before itself, which may take as long.
  if [[ -n $service ]]; then kill -TERM "$service" 2>/dev/null && wait "$service" || true; fi
  rm -f -- "$pid_file"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

keep_serving &
service=$!
limit=$((SECONDS + REWARDS_WAIT))
# Waits until it answers, with the configuration that this folder was exported with.
while :; do
  code=0
  answer=$("$PYTHON" grpo_ts_rewards.py 2>&1) || code=$?
  if ((code == 0)); then
    echo "$answer"
    break
  fi
  if ((code != 75)) || ! kill -0 "$service" 2>/dev/null || ((SECONDS >= limit)); then
    echo "$answer" >&2
    echo "run.sh: the reward service is not ready; see $log" >&2
    exit 1
  fi
  sleep 1
done

"$PYTHON" check_prompts.py

train "$@" &
engine=$!
code=0
wait "$engine" || code=$?
engine=''
exit "$code"
