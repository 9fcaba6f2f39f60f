"""check-answer.py OBJECT TEXT: what `run --json --logprobs 3` of 24 greedy tokens gave, beside what `run` gave."""
import json
import math
import sys

found = json.loads(open(sys.argv[1], encoding="utf-8").read())
text = open(sys.argv[2], "rb").read()
assert found["text"] == text.decode(errors="replace"), (found["text"], text)
assert len(found["ids"]) == found["generated_tokens"] == len(found["logprobs"]) == 24
assert found["stop_reason"] == "length" and found["timings"]["decode_steps"] == 23
for token, entry in zip(found["ids"], found["logprobs"]):
    assert entry["id"] == token == entry["top"][0]["id"] and len(entry["top"]) == 3  # greedy
    assert entry["logprob"] == entry["top"][0]["logprob"] <= 0
    assert sum(math.exp(other["logprob"]) for other in entry["top"]) <= 1.0001
