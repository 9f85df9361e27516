"""What mlx-openai-server 1.8.1 takes: the flags of its `launch`, the keys of its file, the commands of its README.

Facts about another program, against which ours is held. A name in braces stands for a path of the test's own.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Flag(NamedTuple):
    """A flag with a value that it takes, the key of our models' file that it is, and what that key holds then."""

    words: list[str]
    key: str
    value: Any
    model_type: str = "lm"


IMAGE = "image-generation"
FLAGS = [
    Flag(["--model-path", "org/model"], "model_path", "org/model"),
    Flag(["--model-type", "whisper"], "model_type", "whisper", "whisper"),
    Flag(["--context-length", "8192"], "context_length", 8192),
    Flag(["--served-model-name", "mine"], "served_model_name", "mine"),
    Flag(["--queue-timeout", "300"], "queue_timeout", 300),
    Flag(["--queue-size", "100"], "queue_size", 100),
    Flag(["--quantize", "8"], "quantize", 8, IMAGE),
    Flag(["--config-name", "flux-dev"], "config_name", "flux-dev", IMAGE),
    Flag(["--lora-paths", "a,b"], "lora_paths", ("a", "b"), IMAGE),
    Flag(["--lora-paths", "a,b", "--lora-scales", "0.8,0.6"], "lora_scales", (0.8, 0.6), IMAGE),
    Flag(["--disable-auto-resize"], "disable_auto_resize", True, "multimodal"),
    Flag(["--enable-auto-tool-choice"], "enable_auto_tool_choice", True),
    Flag(["--tool-call-parser", "qwen3_coder"], "tool_call_parser", "qwen3_coder"),
    Flag(["--reasoning-parser", "qwen3_moe"], "reasoning_parser", "qwen3_moe"),
    Flag(["--trust-remote-code"], "trust_remote_code", True),
    Flag(["--chat-template-file", "{template}"], "chat_template_file", "{template}"),
    Flag(["--debug"], "debug", True),
    Flag(["--prompt-cache-size", "10"], "prompt_cache_size", 10),
    Flag(["--max-bytes", "2147483648"], "prompt_cache_max_bytes", 2147483648),
    Flag(["--max-bytes", "9223372036854775808"], "prompt_cache_max_bytes", 1 << 63),
    Flag(["--prompt-cache-dir", "{folder}"], "prompt_cache_dir", "{folder}"),
    Flag(["--draft-model-path", "org/small"], "draft_model_path", "org/small"),
    Flag(["--num-draft-tokens", "4"], "num_draft_tokens", 4),
    Flag(["--kv-bits", "4"], "kv_bits", 4),
    Flag(["--kv-group-size", "64"], "kv_group_size", 64),
    Flag(["--quantized-kv-start", "0"], "quantized_kv_start", 0),
    Flag(["--decode-concurrency", "4"], "batch_completion_size", 4),
    Flag(["--prompt-concurrency", "1"], "batch_prefill_size", 1),
    Flag(["--prefill-step-size", "512"], "batch_prefill_step_size", 512),
    Flag(["--disable-batching"], "disable_batching", True),
    Flag(["--max-tokens", "2048"], "default_max_tokens", 2048),
    Flag(["--temperature", "0.7"], "default_temperature", 0.7),
    Flag(["--top-p", "0.95"], "default_top_p", 0.95),
    Flag(["--top-k", "20"], "default_top_k", 20),
    Flag(["--min-p", "0.05"], "default_min_p", 0.05),
    Flag(["--repetition-penalty", "1.1"], "default_repetition_penalty", 1.1),
    Flag(["--presence-penalty", "0.5"], "default_presence_penalty", 0.5),
    Flag(["--xtc-probability", "0.1"], "default_xtc_probability", 0.1),
    Flag(["--xtc-threshold", "0.2"], "default_xtc_threshold", 0.2),
    Flag(["--seed", "7"], "default_seed", 7),
    Flag(["--repetition-context-size", "64"], "default_repetition_context_size", 64),
]

# Flags about the server: with a value, and what the settings hold then.
SERVER_FLAGS = [
    (["--host", "127.0.0.1"], "host", "127.0.0.1"),
    (["--port", "8001"], "port", 8001),
    *((["--log-level", level], "log_level", level) for level in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
    (["--log-file", "{folder}/app.log"], "log_file", "{folder}/app.log"),
    (["--no-log-file"], "no_log_file", True),
]

# Keys of a model in its file, each with a value that it takes and a type that uses it.
MODEL_KEYS: dict[str, tuple[Any, str]] = {
    "model_path": ("org/model", "lm"),
    "model_type": ("lm", "lm"),
    "served_model_name": ("mine", "lm"),
    "context_length": (8192, "lm"),
    "queue_timeout": (300, "lm"),
    "queue_size": (100, "lm"),
    "quantize": (4, IMAGE),
    "config_name": ("flux2-klein-4b", IMAGE),
    "lora_paths": (["a"], IMAGE),
    "lora_scales": ([], IMAGE),
    "on_demand": (True, IMAGE),
    "on_demand_idle_timeout": (120, IMAGE),
    "disable_auto_resize": (False, "multimodal"),
    "enable_auto_tool_choice": (True, "lm"),
    "tool_call_parser": ("minimax_m2", "lm"),
    "reasoning_parser": ("minimax_m2", "lm"),
    "message_converter": ("qwen3_coder", "lm"),
    "trust_remote_code": (True, "lm"),
    "chat_template_file": ("x.jinja", "lm"),
    "debug": (True, "lm"),
    "prompt_cache_size": (1, "lm"),
    "prompt_cache_max_bytes": (2147483648, "lm"),
    "prompt_cache_dir": ("x", "lm"),
    "draft_model_path": ("org/small", "lm"),
    "num_draft_tokens": (2, "lm"),
    "kv_bits": (4, "lm"),
    "kv_group_size": (64, "lm"),
    "quantized_kv_start": (0, "lm"),
    "batch_completion_size": (4, "lm"),
    "batch_prefill_size": (1, "lm"),
    "batch_prefill_step_size": (512, "lm"),
    "disable_batching": (True, "lm"),
    "default_max_tokens": (2048, "lm"),
    "default_temperature": (0.7, "lm"),
    "default_top_p": (0.95, "lm"),
    "default_top_k": (20, "lm"),
    "default_min_p": (0.0, "lm"),
    "default_repetition_penalty": (1.1, "lm"),
    "default_presence_penalty": (0.0, "lm"),
    "default_xtc_probability": (0.0, "lm"),
    "default_xtc_threshold": (0.1, "lm"),
    "default_seed": (0, "lm"),
    "default_repetition_context_size": (20, "lm"),
}
SERVER_KEYS: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": 8000,
    "log_level": "INFO",
    "log_file": "logs/app.log",
    "no_log_file": True,
}


class Command(NamedTuple):
    """A command of its README behind `launch`, and what of ours refuses it, if it is refused."""

    words: str
    refused: str | None = None


COMMANDS = [
    Command(
        "--model-path {model} --reasoning-parser qwen3_moe --tool-call-parser qwen3_coder --debug "
        "--served-model-name Darwin-36B-Opus"
    ),
    Command("--model-type lm --model-path {model} --reasoning-parser qwen3_moe --tool-call-parser qwen3_coder"),
    Command("--model-type multimodal --model-path {model}"),
    Command("--model-type image-generation --model-path {model} --config-name flux-dev --quantize 8"),
    Command("--model-type image-edit --model-path {model} --config-name flux-kontext-dev --quantize 8"),
    Command("--model-type embeddings --model-path {model}"),
    Command("--model-type whisper --model-path mlx-community/whisper-large-v3-mlx"),
    Command("--config {readme}", refused="refusing to listen on 0.0.0.0 without authentication"),
    Command("--config {readme} --host 127.0.0.1"),
    Command("--config {readme} --allow-unauthenticated"),
    Command("--config {memory}"),
    Command("--config {example} --host 127.0.0.1", refused="'model_id' is called 'served_model_name' here; rename it"),
    Command(
        "--model-type lm --model-path {model} --context-length 8192 --decode-concurrency 4 --prompt-concurrency 1 "
        "--prefill-step-size 512 --max-tokens 2048 --prompt-cache-size 1 --max-bytes 2147483648 --kv-bits 4 "
        "--kv-group-size 64 --quantized-kv-start 0"
    ),
    Command(
        "--model-type lm --model-path {model} --tool-call-parser qwen3 --reasoning-parser qwen3 "
        "--enable-auto-tool-choice"
    ),
    Command(
        "--model-type lm --model-path {model} --reasoning-parser qwen9", refused="--reasoning-parser must be one of"
    ),
    Command("--model-type lm --model-path {model} --chat-template-file {template}"),
    Command("--model-type lm --model-path {model} --draft-model-path {model} --num-draft-tokens 4"),
    # of its earlier versions
    Command("--model-path {model} --model-type lm --no-log-file --log-level INFO"),
    Command("--model-path {model} --model-type lm --log-file {folder}/custom.log --log-level DEBUG"),
    Command(
        "--model-type whisper --model-path mlx-community/whisper-large-v3-mlx --max-concurrency 1 --queue-timeout 600 "
        "--queue-size 50",
        refused="--max-concurrency",
    ),
    Command(
        "--model-type image-generation --model-path {model} --config-name flux-dev "
        "--lora-paths {folder}/lora1.safetensors,{folder}/lora2.safetensors --lora-scales 0.8,0.6"
    ),
]

# The files of its README and its examples.
README = """
server:
  host: "0.0.0.0"
  port: 8000
  log_level: INFO

models:
  - model_path: mlx-community/MiniMax-M2.5-4bit
    model_type: lm
    served_model_name: minimax
    tool_call_parser: minimax_m2
    reasoning_parser: minimax_m2

  - model_path: black-forest-labs/FLUX.2-klein-4B
    model_type: image-generation
    served_model_name: flux2-klein-4b
    config_name: flux2-klein-4b
    quantize: 4
    on_demand: true
    on_demand_idle_timeout: 120
"""
MEMORY = """
models:
  - model_path: {model}
    model_type: lm
    context_length: 8192
    batch_completion_size: 4
    batch_prefill_size: 1
    batch_prefill_step_size: 512
    default_max_tokens: 2048
    prompt_cache_size: 1
    prompt_cache_max_bytes: 2147483648
    kv_bits: 4
    kv_group_size: 64
    quantized_kv_start: 0
"""
EXAMPLE = """
server:
  host: "0.0.0.0"
  port: 8000
  log_level: INFO
  log_file: {folder}/app.log
  no_log_file: true

models:
  - model_path: mlx-community/GLM-4.7-Flash-8bit
    model_type: lm
    model_id: glm-4.7-flash
    enable_auto_tool_choice: true
    tool_call_parser: glm4_moe
    reasoning_parser: glm47_flash
    message_converter: glm4_moe

  - model_path: mlx-community/Qwen3-Coder-Next-4bit
    model_type: lm
    max_concurrency: 1
    tool_call_parser: qwen3_coder
    message_converter: qwen3_coder

  - model_path: mlx-community/Qwen3-VL-2B-Instruct-4bit
    model_type: multimodal
    tool_call_parser: qwen3_vl
"""
