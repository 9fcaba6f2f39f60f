#!/usr/bin/env python3
"""OpenVINO's speed with a GGUF file, as JSON: prompt_tps (to the first token) and decode_tps (each token after it).
openvino_genai reads files of llama, qwen2 and qwen3 with their tokenizer.

    bench-openvino.py MODEL.gguf [-p 512] [-n 64] [-t 2]        (needs openvino-genai)
"""
import itertools

import numpy
import openvino
import openvino_genai
from bench import answer_as_peer


def load(args):
    try:
        pipeline = openvino_genai.LLMPipeline(args.model, "CPU", INFERENCE_NUM_THREADS=args.threads)
    except Exception as error:
        raise SystemExit(f"{args.model}: OpenVINO cannot load it: {str(error).strip().splitlines()[-1]}")
    words = len(pipeline.get_tokenizer().get_vocab())
    generation = openvino_genai.GenerationConfig(max_new_tokens=args.tokens + 1, ignore_eos=True, do_sample=False)
    first = itertools.count(11)

    def run_round():
        # A new prompt in each round: OpenVINO keeps what it computed for a prompt.
        start = next(first)
        ids = numpy.array([[(7 * i + start) % words for i in range(args.prompt)]], dtype=numpy.int64)
        inputs = openvino_genai.TokenizedInputs(openvino.Tensor(ids), openvino.Tensor(numpy.ones_like(ids)))
        metrics = pipeline.generate(inputs, generation).perf_metrics
        return metrics.get_ttft().mean / 1e3, args.tokens * metrics.get_tpot().mean / 1e3

    run_round()  # the first call touches every weight
    return run_round


if __name__ == "__main__":
    answer_as_peer(__doc__, load)
