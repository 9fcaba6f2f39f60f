"""Grok 2 in torch, because transformers has no class for it.

Follows SGLang, the runtime xAI names for it (sglang/srt/models/grok.py): norms on both sides of attention and MLP; scores,
router and logits have a soft cap; scores are then multiplied by the temperature of the query's position; the weights of the two
chosen experts are their softmax over all experts, not normalised; the sum of experts and MLP is divided by the square root
of 2; both use GELU by tanh.
"""
import math
from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional as F


def norm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def capped(x, cap):
    return cap * torch.tanh(x / cap)


def matrix(rows, columns):
    return nn.Linear(columns, rows, bias=False)


def vector(size):
    holder = nn.Module()
    holder.weight = nn.Parameter(torch.empty(size))
    return holder


class MLP(nn.Module):
    def __init__(self, hidden, inner, names):
        super().__init__()
        self.names = names
        for name, shape in zip(names, ((inner, hidden), (inner, hidden), (hidden, inner))):
            setattr(self, name, matrix(*shape))

    def forward(self, x):
        gate, up, down = (getattr(self, name) for name in self.names)
        return down(F.gelu(gate(x), approximate="tanh") * up(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        for name in ("pre_attn_norm", "post_attn_norm", "pre_moe_norm", "post_moe_norm"):
            setattr(self, name, vector(c.hidden_size))
        self.self_attn = nn.Module()
        for name, rows, columns in (("q_proj", c.num_attention_heads * c.head_dim, c.hidden_size),
                                    ("k_proj", c.num_key_value_heads * c.head_dim, c.hidden_size),
                                    ("v_proj", c.num_key_value_heads * c.head_dim, c.hidden_size),
                                    ("o_proj", c.hidden_size, c.num_attention_heads * c.head_dim)):
            setattr(self.self_attn, name, matrix(rows, columns))
        self.mlp = MLP(c.hidden_size, c.intermediate_size, ("gate_proj", "up_proj", "down_proj"))
        self.block_sparse_moe = nn.Module()
        self.block_sparse_moe.gate = matrix(c.num_local_experts, c.hidden_size)
        self.block_sparse_moe.experts = nn.ModuleList(
            MLP(c.hidden_size, c.moe_intermediate_size, ("w1", "w3", "w2")) for _ in range(c.num_local_experts))

    def attend(self, x):
        c, count = self.c, x.shape[0]
        position = torch.arange(count)
        frequency = c.rope_theta ** (-torch.arange(0, c.head_dim, 2, dtype=torch.float32) / c.head_dim)
        angle = (position[:, None].float() * frequency).to(x.dtype)
        cosine, sine = angle.cos()[:, None], angle.sin()[:, None]

        def heads(rows, number, turn):
            rows = rows.view(count, number, c.head_dim)
            if turn:
                low, high = rows.chunk(2, -1)
                rows = torch.cat([low * cosine - high * sine, high * cosine + low * sine], -1)
            return rows.transpose(0, 1)

        q = heads(self.self_attn.q_proj(x), c.num_attention_heads, True)
        k = heads(self.self_attn.k_proj(x), c.num_key_value_heads, True)
        v = heads(self.self_attn.v_proj(x), c.num_key_value_heads, False)
        sharing = c.num_attention_heads // c.num_key_value_heads
        k, v = k.repeat_interleave(sharing, 0), v.repeat_interleave(sharing, 0)
        scores = capped(q @ k.transpose(1, 2) * c.head_dim ** -0.5, c.attn_logit_softcapping)
        length = c.attn_temperature_len
        temperature = torch.where(position > length, position.double().clamp(min=1).log2() / math.log2(length), 1.0)
        scores = scores * temperature[:, None].to(x.dtype)
        scores = scores.masked_fill(torch.ones(count, count).triu(1).bool(), float("-inf"))
        mixed = (scores.softmax(-1) @ v).transpose(0, 1).reshape(count, -1)
        return self.self_attn.o_proj(mixed)

    def feed(self, x):
        c = self.c
        share = capped(self.block_sparse_moe.gate(x), c.router_logit_softcapping).softmax(-1)
        weights, chosen = share.topk(c.num_experts_per_tok, -1)
        mixed = torch.zeros_like(x)
        for row in range(x.shape[0]):
            for weight, expert in zip(weights[row], chosen[row]):
                mixed[row] += weight * self.block_sparse_moe.experts[expert](x[row])
        return (mixed + self.mlp(x)) / math.sqrt(2)

    def forward(self, x):
        eps = self.c.rms_norm_eps
        x = x + norm(self.attend(norm(x, self.pre_attn_norm.weight, eps)), self.post_attn_norm.weight, eps)
        return x + norm(self.feed(norm(x, self.pre_moe_norm.weight, eps)), self.post_moe_norm.weight, eps)


class Grok2(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.model = nn.Module()
        self.model.embed_tokens = vector((config.vocab_size, config.hidden_size))
        self.model.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.model.norm = vector(config.hidden_size)
        self.lm_head = matrix(config.vocab_size, config.hidden_size)

    def forward(self, input_ids, use_cache=False):
        c = self.config
        x = self.model.embed_tokens.weight[input_ids[0]] * c.embedding_multiplier_scale
        for layer in self.model.layers:
            x = layer(x)
        logits = self.lm_head(norm(x, self.model.norm.weight, c.rms_norm_eps)) * c.output_multiplier_scale
        return SimpleNamespace(logits=capped(logits, c.final_logit_softcapping)[None])
