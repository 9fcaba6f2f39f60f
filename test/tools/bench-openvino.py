#!/usr/bin/env python3
"""OpenVINO's speed with a GGUF file, as JSON: prompt_tps (to the first token) and decode_tps (each token after it).
Best of as many rounds as `OUT bench` makes: 3 to 7, as fit into 10 seconds. GGUF files of llama, qwen2 and qwen3 with
their tokenizer are what openvino_genai reads.

    bench-openvino.py MODEL.gguf [-p 512] [-n 64] [-t 2]        (needs openvino-genai)
"""
import argparse
import json
import time

import numpy
import openvino
import openvino_genai


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("-p", dest="prompt", type=int, default=512)
    parser.add_argument("-n", dest="tokens", type=int, default=64)
    parser.add_argument("-t", dest="threads", type=int, default=2)
    args = parser.parse_args()
    try:
        pipeline = openvino_genai.LLMPipeline(args.model, "CPU", INFERENCE_NUM_THREADS=args.threads)
    except Exception as error:
        raise SystemExit(f"{args.model}: OpenVINO cannot load it: {str(error).strip().splitlines()[-1]}")
    words = len(pipeline.get_tokenizer().get_vocab())
    generation = openvino_genai.GenerationConfig(max_new_tokens=args.tokens + 1, ignore_eos=True, do_sample=False)

    def run(first):
        # Another prompt each time: what was computed for a prompt is kept.
        ids = numpy.array([[(7 * i + first) % words for i in range(args.prompt)]], dtype=numpy.int64)
        inputs = openvino_genai.TokenizedInputs(openvino.Tensor(ids), openvino.Tensor(numpy.ones_like(ids)))
        metrics = pipeline.generate(inputs, generation).perf_metrics
        return args.prompt / metrics.get_ttft().mean * 1e3, 1e3 / metrics.get_tpot().mean

    run(1)  # the first call touches every weight
    begin, rounds = time.perf_counter(), []
    while len(rounds) < 3 or (len(rounds) < 7 and time.perf_counter() - begin < 10):
        rounds.append(run(11 + len(rounds)))
    prompt, decode = map(max, zip(*rounds))
    print(json.dumps({"prompt_tps": prompt, "decode_tps": decode, "rounds": len(rounds)}))


if __name__ == "__main__":
    main()
