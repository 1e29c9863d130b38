"""Speed of torch's float32 matrix products, to compare with.

Reads a JSON object a line: rows, width, out, direction (forward: x·Wᵀ; backward: dy·W), threads and milliseconds to measure.
Answers each with a JSON line: the GFLOP/s of the fastest of many runs. Prints torch's version first.
"""

import json
import sys
import time

import torch

print(json.dumps({"torch": torch.__version__}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    torch.set_num_threads(job["threads"])
    forward = job["direction"] == "forward"
    weight = torch.rand(job["out"], job["width"])
    left = torch.rand(job["rows"], job["width"] if forward else job["out"])
    right = weight.T if forward else weight
    result = torch.empty(job["rows"], right.shape[1])
    with torch.inference_mode():
        torch.matmul(left, right, out=result)
        best, runs, started = float("inf"), 0, time.perf_counter()
        while runs < 3 or time.perf_counter() - started < job["milliseconds"] / 1000:
            before = time.perf_counter()
            torch.matmul(left, right, out=result)
            best = min(best, time.perf_counter() - before)
            runs += 1
    operations = 2 * job["rows"] * job["width"] * job["out"]
    print(json.dumps({"gflops": operations / best / 1e9}), flush=True)
