"""From a models' file entry to a loaded multimodal model, served by what text models are served by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import mlx_vlm
from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_vlm.utils import load_model
from transformers import AutoProcessor

from mlxq.entries import MultimodalEntry
from mlxq.settings import Settings
from tasks.blobs import BlobStore
from workers.budget import Budget
from workers.engines.text import loading
from workers.engines.text.loading import Loaded, Weights
from workers.engines.vision.encoder_cache import EncoderCache
from workers.engines.vision.families import FAMILIES, Family, Kind
from workers.engines.vision.language import Language, UnsupportedArchitecture
from workers.engines.vision.media import MediaLoader
from workers.engines.vision.prompts import VisionPrompts
from workers.engines.vision.reader import Reader
from workers.images import ImageLimits
from workers.model_path import resolve
from workers.video import VideoLimits

PIXEL_BYTES = 1 << 30  # that wait for the vision tower
OPEN_BYTES = 1 << 30  # of pictures, sounds and films that are opened and wait for the processor
AUTO_RESIZE = 448  # pixels of a picture's longer side where mlx-openai-server's default is asked for


def load(entry: MultimodalEntry, settings: Settings) -> Loaded:
    """Load weights, processor and defaults; call it in the thread that will own the model.

    Raises UnsupportedArchitecture, before any weights are read where that is known from the model's config.
    """
    folder = resolve(entry.model_path, settings.cache, code=entry.trust_remote_code)
    config = json.loads((folder / "config.json").read_text())
    kind = config.get("model_type")
    if kind not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise UnsupportedArchitecture(f"models of architecture '{kind}' cannot see here; those that can are {known}")
    if (config.get("text_config") or {}).get("use_bidirectional_attention") == "vision":
        raise UnsupportedArchitecture("in this model pictures attend to what comes after them, which is not built here")
    if "model_file" in config and not entry.trust_remote_code:
        raise UnsupportedArchitecture("this model brings code of its own; trust_remote_code lets it run")
    model, family = load_model(folder), FAMILIES[kind]
    processor = AutoProcessor.from_pretrained(  # type: ignore[no-untyped-call]
        folder, trust_remote_code=entry.trust_remote_code
    )
    tokenizer = TokenizerWrapper(processor.tokenizer, eos_token_ids=set(_ends(folder, config, processor)))
    side = int(getattr(model.config.vision_config, "spatial_merge_size", 1))
    options = entry.options
    encoder_cache = EncoderCache(model, options.vision_cache_bytes)
    reader = Reader(processor, family, dict(_tokens(model, family)), side, Budget(PIXEL_BYTES))
    media_loader = MediaLoader(
        BlobStore(settings.home / "blobs"),
        tuple(reader.tokens),
        options.max_media,
        ImageLimits(options.max_image_pixels, options.max_image_bytes),
        VideoLimits(seconds=options.max_video_seconds, frames=options.max_video_frames),
        options.max_audio_seconds,
        Budget(OPEN_BYTES),
        None if entry.disable_auto_resize else AUTO_RESIZE,
    )
    language = Language(model, spatial=family.spatial)
    weights = Weights(folder, language, tokenizer, config, f"mlx-vlm {mlx_vlm.__version__}")
    prompts_of = partial(VisionPrompts, reader=reader, media_loader=media_loader, encoder_cache=encoder_cache)
    return loading.assembled(entry, settings, weights, prompts_of)


def _tokens(model: Any, family: Family) -> Iterator[tuple[Kind, int]]:
    """The kinds that the model takes, and the ids that keep their places."""
    for kind in family.cuts:
        if kind == "audio" and getattr(model, "audio_tower", None) is None:
            continue
        token = getattr(model.config, f"{kind}_token_index", None) or getattr(model.config, f"{kind}_token_id", None)
        if token is not None:
            yield kind, int(token)


def _ends(folder: Path, config: Mapping[str, Any], processor: Any) -> Iterator[int]:
    """The ids that end an answer, wherever the model's files name them."""
    path = folder / "generation_config.json"
    told = [config, config.get("text_config") or {}, json.loads(path.read_text()) if path.is_file() else {}]
    for holder in told:
        found = holder.get("eos_token_id")
        yield from [found] if isinstance(found, int) else found or []
    yield from getattr(processor, "additional_eos_token_ids", ())
