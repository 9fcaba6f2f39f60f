#!/usr/bin/env python3
"""Writes golden distributions for the sampler: those from which transformers' generate() draws.

    make-sampler-goldens.py > test/runtime/SamplerGoldens.inc

transformers chooses and orders its logits processors itself (GenerationMixin._get_logits_processor). OpenAI's penalties,
which it does not have, are inserted like processors of a user: after its own, before temperature and top-k. Needs torch and
transformers; the tests do not.
"""

import torch
import transformers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, LogitsProcessorList


class OpenAIPenalties(transformers.LogitsProcessor):
    """mu[j] -> mu[j] - c[j] * alpha_frequency - float(c[j] > 0) * alpha_presence"""

    def __init__(self, prompt, presence, frequency):
        self.prompt, self.presence, self.frequency = prompt, presence, frequency

    def __call__(self, input_ids, scores):
        counts = torch.bincount(input_ids[0, self.prompt :], minlength=scores.shape[-1]).float()
        return scores - counts * self.frequency - (counts > 0).float() * self.presence


VOCABULARY = 24
PROMPT, ANSWER = [3, 7, 7, 11], [5, 7, 2, 5, 5]
CASES = [
    {},
    {"temperature": 0.7},
    {"temperature": 2.5},
    {"temperature": 1.0, "top_k": 5},
    {"temperature": 1.0, "top_k": 1},
    {"temperature": 1.0, "top_p": 0.6},
    {"temperature": 1.0, "top_p": 0.05},
    {"temperature": 1.0, "min_p": 0.1},
    {"temperature": 1.0, "min_p": 1.0},
    {"temperature": 1.5, "top_k": 12, "top_p": 0.8},
    {"temperature": 1.5, "top_k": 12, "min_p": 0.2},
    {"temperature": 1.5, "top_p": 0.95, "min_p": 0.15},
    {"temperature": 1.5, "top_p": 0.7, "min_p": 0.01},
    {"temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0.05},
    {"temperature": 1.0, "repeat": 1.3},
    {"temperature": 1.0, "repeat": 0.5},
    {"temperature": 1.0, "presence": 0.8},
    {"temperature": 1.0, "frequency": 0.4},
    {"temperature": 1.0, "presence": -0.5, "frequency": -0.3},
    {"temperature": 0.8, "repeat": 1.2, "presence": 0.5, "frequency": 0.25, "top_k": 10, "top_p": 0.9, "min_p": 0.02},
    {"temperature": 0, "repeat": 1.8},
    {"temperature": 0, "frequency": 2.0},
]


def distribution(model, case, logits):
    config = GenerationConfig(
        do_sample=case.get("temperature", 0) > 0,
        temperature=float(case["temperature"]) if case.get("temperature") else 1.0,
        top_k=case.get("top_k", 0),
        top_p=case.get("top_p", 1.0),
        min_p=case.get("min_p"),
        repetition_penalty=case.get("repeat", 1.0),
    )
    own = LogitsProcessorList()
    if "presence" in case or "frequency" in case:
        own.append(OpenAIPenalties(len(PROMPT), case.get("presence", 0.0), case.get("frequency", 0.0)))
    processors = model._get_logits_processor(config, input_ids_seq_length=len(PROMPT), logits_processor=own)
    scores = processors(torch.tensor([PROMPT + ANSWER]), logits.clone()[None])[0]
    if not config.do_sample:
        return torch.nn.functional.one_hot(scores.argmax(), VOCABULARY).float()
    return torch.softmax(scores, dim=-1)


def main():
    torch.manual_seed(20)
    logits = (torch.randn(VOCABULARY) * 2).round(decimals=2)
    model = LlamaForCausalLM(
        LlamaConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=VOCABULARY)
    )
    numbers = lambda values, pattern: ", ".join(pattern % value for value in values)
    print(f"// Written by test/tools/make-sampler-goldens.py with transformers {transformers.__version__}.")
    print(f"const std::vector<float> logits = {{{numbers(logits.tolist(), '%.2ff')}}};")
    print(f"const std::vector<int32_t> prompt = {{{numbers(PROMPT, '%d')}}}, answer = {{{numbers(ANSWER, '%d')}}};")
    print("// temperature, top-k, top-p, min-p; repeat, presence, frequency; probability of every token")
    print("const Golden goldens[] = {")
    for case in CASES:
        sampler = [case.get("temperature", 0), case.get("top_k", 0), case.get("top_p", 1), case.get("min_p", 0)]
        penalties = [case.get("repeat", 1), case.get("presence", 0), case.get("frequency", 0)]
        shares = distribution(model, case, logits).tolist()
        print(
            f"    {{{{{numbers(sampler, '%g')}, 1}},\n     {{{numbers(penalties, '%g')}}},\n"
            f"     {{{numbers(shares, '%.6g')}}}}},"
        )
    print("};")


if __name__ == "__main__":
    main()
