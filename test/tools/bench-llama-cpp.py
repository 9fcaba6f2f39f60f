#!/usr/bin/env python3
"""llama.cpp's speed with a GGUF file, as JSON: prompt_tps (all tokens of a prompt in one pass) and decode_tps (the tokens
after it).

    bench-llama-cpp.py MODEL.gguf [-p 512] [-n 64] [-t 2]        (needs llama-cpp-python)
"""
import time

import llama_cpp as llama
from bench import answer_as_peer


def load(args):
    silent = llama.llama_log_callback(lambda level, text, data: None)
    llama.llama_log_set(silent, None)
    llama.llama_backend_init()
    model = llama.llama_model_load_from_file(args.model.encode(), llama.llama_model_default_params())
    if not model:
        raise SystemExit(f"{args.model}: llama.cpp cannot load it")
    words = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
    parameters = llama.llama_context_default_params()
    parameters.n_ctx = args.prompt + args.tokens + 64
    parameters.n_batch = parameters.n_ubatch = max(args.prompt, 1)
    parameters.n_threads = parameters.n_threads_batch = args.threads
    context = llama.llama_init_from_model(model, parameters)

    def feed(count):
        ids = (llama.llama_token * count)(*((7 * i + 11) % words for i in range(count)))
        if llama.llama_decode(context, llama.llama_batch_get_one(ids, count)):
            raise SystemExit(f"{args.model}: llama.cpp failed")
        llama.llama_synchronize(context)

    def run_round(silent=silent):  # the callback lives as long as this
        llama.llama_memory_clear(llama.llama_get_memory(context), True)
        start = time.perf_counter()
        feed(args.prompt)
        middle = time.perf_counter()
        for _ in range(args.tokens):
            feed(1)
        return middle - start, time.perf_counter() - middle

    feed(1)  # the first call touches every weight
    return run_round


if __name__ == "__main__":
    answer_as_peer(__doc__, load)
