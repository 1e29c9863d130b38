"""Makes GGUF files of a Llama in Hugging Face's layout with gguf-py: `python gguf.py MODEL OUTPUT`.

bf16.gguf, f16.gguf and q8_0.gguf are the whole model as llama.cpp's converter would write it. types.gguf holds the first down_proj in
the formats that gguf-py can quantise to, and random blocks of the same width in the others; NAME.f32 is what gguf-py's dequantize()
makes of tensor NAME.
"""

import json
import sys
from pathlib import Path

# This file has the name of the package.
sys.path[0] = str(Path(__file__).parent.parent / "fixtures" / "gguf")

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T
from make import NAMES, add_tokenizer, finish, permute, random_blocks


def read_safetensors(file):
    data = np.memmap(file, mode="r")
    length = int(data[:8].view(np.uint64)[0])
    header = json.loads(bytes(data[8 : 8 + length]))
    header.pop("__metadata__", None)
    for name, info in header.items():
        assert info["dtype"] == "BF16"
        begin, end = info["data_offsets"]
        bits = data[8 + length + begin : 8 + length + end].view(np.uint16)
        yield name, (bits.astype(np.uint32) << 16).view(np.float32).reshape(info["shape"])


def write_model(model, tensors, file, kind, file_type):
    config = json.loads((model / "config.json").read_text())
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_file_type(file_type)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    add_tokenizer(writer, model, "smollm", config["vocab_size"])
    others = {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}
    parts = {theirs: ours for ours, theirs in NAMES.items()}
    parts |= {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
    for name, values in tensors.items():
        module = name.removesuffix(".weight")
        if module in others:
            ours = others[module]
        else:
            _, _, layer, part = module.split(".", 3)
            ours = f"blk.{layer}.{parts[part]}"
            if part == "self_attn.q_proj":
                values = permute(values, heads)
            if part == "self_attn.k_proj":
                values = permute(values, kv_heads)
        own = kind if values.ndim == 2 else T.F32
        writer.add_tensor(f"{ours}.weight", gguf.quants.quantize(values, own), raw_dtype=own)
    finish(writer)


def write_types(values, output):
    rng = np.random.default_rng(7)
    writer = gguf.GGUFWriter(output / "types.gguf", "test")
    rows, width = values.shape
    for kind in [T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q4_K, T.Q5_K, T.Q6_K]:
        if kind in (T.Q4_K, T.Q5_K, T.Q6_K):
            data = random_blocks(rng, kind, rows * width // 256)[0].reshape(rows, -1)
        else:
            data = gguf.quants.quantize(values, kind)
        writer.add_tensor(kind.name, data, raw_dtype=kind)
        gguf.quants.dequantize(data, kind).astype(np.float32).tofile(output / f"{kind.name}.f32")
    finish(writer)


if __name__ == "__main__":
    model, output = map(Path, sys.argv[1:])
    tensors = dict(read_safetensors(model / "model.safetensors"))
    write_types(tensors["model.layers.0.mlp.down_proj.weight"], output)
    F = gguf.LlamaFileType
    write_model(model, tensors, output / "bf16.gguf", T.BF16, F.MOSTLY_BF16)
    write_model(model, tensors, output / "f16.gguf", T.F16, F.MOSTLY_F16)
    write_model(model, tensors, output / "q8_0.gguf", T.Q8_0, F.MOSTLY_Q8_0)
