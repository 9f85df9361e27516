"""What is particular of published chat templates: the parts with their markers, and how their prompts end."""

QWEN3 = """{%- if tools %}{{- "<tools>" }}{%- for tool in tools %}{{- tool | tojson }}{%- endfor %}{%- endif %}
{%- if message.role == "assistant" %}{{- '<think>\\n' + reasoning + '\\n</think>\\n\\n' + content }}{%- endif %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"""
QWEN3_THINKING = """{%- if '</think>' in content %}{{- content }}{%- endif %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"""
QWEN3_5 = """{{- '<think>\\n' + reasoning + '\\n</think>\\n\\n' }}
{%- if add_generation_prompt %}{%- if enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}
{%- else %}{{- '<think>\\n' }}{%- endif %}{%- endif %}"""
GLM_4_6 = """{{ '\\n<think>' + reasoning.strip() + '</think>' }}
{%- if add_generation_prompt -%}<|assistant|>{{- '\\n<think></think>' if not enable_thinking else '' -}}{%- endif -%}"""
GLM_4_7 = """{{ '<think>' + reasoning + '</think>' }}
{%- if add_generation_prompt -%}<|assistant|>{{- '</think>' if not enable_thinking else '<think>' -}}{%- endif -%}"""
KIMI_K2 = """<think>{{ message.reasoning_content }}</think>{{ content }}
{%- if add_generation_prompt -%}<|im_assistant|>assistant<|im_middle|>{%- endif -%}"""
MINIMAX_M2 = """{{- '<think>' ~ '\\n' ~ reasoning_content ~ '\\n' ~ '</think>' ~ '\\n\\n' }}
{%- if add_generation_prompt -%}{{- ']~b]ai' ~ '\\n' ~ '<think>' ~ '\\n' }}{%- endif -%}"""
NEMOTRON_3 = """{{- '<think>\\n' ~ reasoning ~ '\\n</think>\\n' }}
{%- if add_generation_prompt %}{%- if enable_thinking %}{{- '<|im_start|>assistant\\n<think>\\n' }}
{%- else %}{{- '<|im_start|>assistant\\n<think></think>' }}{%- endif %}{%- endif %}"""
SMOLLM3 = """{%- if "/no_think" in system %}{{ "<think>\\n\\n</think>\\n" }}{%- endif %}
{%- if add_generation_prompt %}{%- if reasoning_mode == "/think" %}{{ "<|im_start|>assistant\\n" }}
{%- else %}{{ "<|im_start|>assistant\\n" + "<think>\\n\\n</think>\\n" }}{%- endif %}{%- endif %}"""
DEEPSEEK_R1 = """{%- if '</think>' in content -%}{{ content.split('</think>')[-1] }}{%- endif -%}
{%- if add_generation_prompt and not ns.is_tool -%}{{'<｜Assistant｜><think>\\n'}}{%- endif %}"""
DEEPSEEK_V3_1 = """{%- if add_generation_prompt and ns.is_last_user -%}{{'<｜Assistant｜>'}}
{%- if not thinking -%}{{'</think>'}}{%- else -%}{{'<think>'}}{%- endif -%}{%- endif -%}"""
GRANITE_3_2 = """{%- set ask = "Write your thoughts after 'Here is my thought process:' and the response after
'Here is my response:'." %}{{ '<|start_of_role|>system<|end_of_role|>' + ask }}"""
GRANITE_3_3 = """{%- set ask = "Write your thoughts between <think></think> and your response between
<response></response>." %}{{ '<|start_of_role|>system<|end_of_role|>' + ask }}"""
GEMMA_4 = """{%- if enable_thinking -%}{{- '<|think|>' -}}{%- endif -%}{{- text.split('<channel|>') -}}
{%- if add_generation_prompt -%}{{- '<|turn>model\\n' -}}
{%- if not enable_thinking -%}{{- '<|channel>thought\\n<channel|>' -}}{%- endif -%}{%- endif -%}"""
SOLAR_OPEN = """{{- "<|begin|>assistant<|content|>" + content + "<|end|>" }}{%- if add_generation_prompt -%}
{%- if reasoning_effort in ["low"] -%}{{- "<|begin|>assistant<|think|><|end|>" }}{%- endif -%}
{{- "<|begin|>assistant" }}{%- endif -%}"""
HARMONY = """{{- "<|start|>assistant<|channel|>analysis<|message|>" + message.thinking + "<|end|>" }}
{{- "<|start|>assistant<|channel|>final<|message|>" + message.content + "<|end|>" }}
{%- if add_generation_prompt -%}<|start|>assistant{%- endif -%}"""
STEP_3_5 = """{{- '<|im_start|>assistant\\n<think>\\n' + reasoning_content + '\\n</think>\\n' + content }}
{%- if message.role == "tool" %}{{- '<|im_start|>tool_response\\n' }}{%- endif %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}"""
MIXED = """{{- '<thinking>' + reasoning + '</thinking>' + content }}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""
CHATML = """{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] }}{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
MISTRAL = """{%- if tools %}{{- "[AVAILABLE_TOOLS] " }}{%- endif %}{{- "[INST] " + message["content"] }}"""
LLAMA_3 = "{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}{{- '<|start_header_id|>' }}"
DEEPSEEK_V3 = "{% if add_generation_prompt and not ns.is_tool %}{{'<｜Assistant｜>'}}{% endif %}"
GRANITE_4 = "{{- '<|start_of_role|>assistant<|end_of_role|>' }}"

THINKING = {
    "qwen3": [
        *(QWEN3, GLM_4_6, KIMI_K2, SMOLLM3),
        *(QWEN3_THINKING, QWEN3_5, GLM_4_7, MINIMAX_M2, NEMOTRON_3),
        *(DEEPSEEK_R1, DEEPSEEK_V3_1),
    ],
    "granite": [GRANITE_3_2, GRANITE_3_3],
    "gemma4": [GEMMA_4],
    "solar_open": [SOLAR_OPEN],
    "harmony": [HARMONY],
    "step_35": [STEP_3_5],
    "mixed_think_tool_handoff": [MIXED],
}
SILENT = [CHATML, MISTRAL, LLAMA_3, DEEPSEEK_V3, GRANITE_4]
