"""From a models' file entry to a loaded multimodal model, served by what text models are served by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import mlx_vlm
import structlog
from mlx_lm.tokenizer_utils import TokenizerWrapper
from mlx_vlm.prompt_utils import MODEL_CONFIG, MessageFormat
from mlx_vlm.utils import get_model_type, load_image_processor, load_model, load_processor

from mlxq.entries.multimodal import MultimodalEntry
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from workers.engines.text import loading
from workers.engines.text.loading import Loaded, Weights
from workers.engines.vision.encoder_cache import EncoderCache
from workers.engines.vision.families import family
from workers.engines.vision.family import Family, Kind
from workers.engines.vision.general.language import GeneralLanguage
from workers.engines.vision.general.load_trial import choose
from workers.engines.vision.general.reader import GeneralReader, message_type
from workers.engines.vision.general.state import ModelState
from workers.engines.vision.general.turns import TurnsLanguage
from workers.engines.vision.language import Language, UnsupportedArchitecture
from workers.engines.vision.media import MediaLoader
from workers.engines.vision.mends import mend
from workers.engines.vision.own_turns import own_turns
from workers.engines.vision.parts import MediaReader, Parts
from workers.engines.vision.prompts import VisionPrompts, takes_parts
from workers.engines.vision.reader import FamilyReader
from workers.engines.vision.speakers import Speaker, speaker
from workers.media.images import ImageLimits
from workers.media.video import VideoLimits
from workers.model_files.model_path import resolve
from workers.serving.request_budget import Budget

PIXEL_BYTES = 1 << 30  # that wait for the vision tower
OPEN_BYTES = 1 << 30  # of images, sounds and videos that are opened and wait for the processor
AUTO_RESIZE = 448  # pixels of an image's longer side where mlx-openai-server's default is asked for
# What mlx-vlm makes of a conversation where a model has no template: its text, with roles where there are turns.
PLAIN = (
    "{% if messages|length == 1 and messages[0].role == 'user' %}{{ messages[0].content }}{% else %}"
    "{% for m in messages %}{{ m.role|capitalize }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}{% endif %}"
)
# Models that are told what the user writes and nothing around it, whatever template lies beside them.
_BARE = (MessageFormat.PROMPT_ONLY, MessageFormat.PROMPT_WITH_IMAGE_TOKEN)
log = structlog.get_logger()


def load(entry: MultimodalEntry, settings: Settings) -> tuple[Loaded, Speaker | None]:
    """Load weights, processor and defaults, and what speaks its answers, if anything does.

    Call it in the thread that will own the model.

    Raises UnsupportedArchitecture for what the installed mlx-vlm cannot load, or is no model that chats.
    """
    folder = resolve(entry.model_path, settings.cache, code=entry.trust_remote_code)
    config = json.loads((folder / "config.json").read_text())
    if "model_file" in config and not entry.trust_remote_code:
        raise UnsupportedArchitecture("this model brings code of its own; trust_remote_code lets it run")
    model = _model(folder, config)
    processor = _processor(folder, config, code=entry.trust_remote_code)
    write = None if entry.chat_template_file else own_turns(processor)
    bare = getattr(processor, "tokenizer", processor)
    architecture = message_type(config)
    if MODEL_CONFIG.get(architecture) in _BARE:
        write, bare.chat_template = None, PLAIN
    elif write is None and not getattr(bare, "chat_template", None):
        bare.chat_template = getattr(processor, "chat_template", None) or PLAIN
    ends = set(_ends(folder, config, processor, model))
    tokenizer = TokenizerWrapper(bare, eos_token_ids=ends, chat_template=write)
    served_by = family(config.get("model_type"))
    language: Language | GeneralLanguage
    reader: MediaReader
    voice = None
    if served_by is None or (config.get("text_config") or {}).get("use_bidirectional_attention") == "vision":
        # The reader's processor is its own, because other threads use the tokenizer of this one meanwhile.
        processor = _processor(folder, config, code=entry.trust_remote_code)
        own = GeneralReader(processor, model, architecture, Budget(PIXEL_BYTES), writes_turns=write is not None)
        language, reader = _general(model, own, tokenizer), own
        voice = speaker(config.get("model_type"), model, language)
    else:
        language, reader = _family(model, served_by, processor, entry)
    options = entry.options
    media_loader = MediaLoader(
        BlobStore(settings.home / "blobs"),
        reader.kinds,
        options.max_media,
        ImageLimits(options.max_image_pixels, options.max_image_bytes),
        VideoLimits(seconds=options.max_video_seconds, frames=options.max_video_frames),
        options.max_audio_seconds,
        Budget(OPEN_BYTES),
        None if entry.disable_auto_resize else AUTO_RESIZE,
    )
    reusable = not isinstance(language, TurnsLanguage)
    code = f"mlx-vlm {mlx_vlm.__version__}"
    weights = Weights(folder, language, tokenizer, config, code, reusable=reusable)
    prompts = partial(VisionPrompts, reader=reader, media_loader=media_loader)
    return loading.assembled(entry, settings, weights, prompts), voice


def _model(folder: Path, config: Mapping[str, Any]) -> Any:
    kind = config.get("model_type")
    try:
        model = load_model(folder)
    except Exception as error:
        reason = f"the installed mlx-vlm {mlx_vlm.__version__} cannot load this model of architecture '{kind}': {error}"
        raise UnsupportedArchitecture(reason) from error
    if not hasattr(model, "language_model") or not hasattr(model, "get_input_embeddings"):
        raise UnsupportedArchitecture(f"models of architecture '{kind}' have no language model that could chat")
    return model


def _processor(folder: Path, config: Mapping[str, Any], *, code: bool) -> Any:
    try:
        processor: Any = load_processor(folder, add_detokenizer=False, trust_remote_code=code)
        images = load_image_processor(folder, trust_remote_code=code)
    except Exception as error:
        raise UnsupportedArchitecture(f"this model's processor cannot be loaded: {error}") from error
    if images is not None:
        processor.image_processor = images
    mend(get_model_type(dict(config)), processor)
    return processor


def _family(model: Any, own: Family, processor: Any, entry: MultimodalEntry) -> tuple[Language, FamilyReader]:
    side = int(getattr(model.config.vision_config, "spatial_merge_size", 1))
    encoder_cache = EncoderCache(model, entry.options.vision_cache_bytes)
    reader = FamilyReader(processor, own, dict(_tokens(model, own)), side, Budget(PIXEL_BYTES), encoder_cache)
    return Language(model, spatial=own.spatial), reader


def _general(model: Any, reader: GeneralReader, tokenizer: Any) -> GeneralLanguage:
    state = ModelState(model)

    def render(parts: Parts) -> str:
        content = parts if takes_parts(tokenizer) else reader.content(parts)
        turns = [{"role": "user", "content": content}]
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

    language = choose(model, state, reader, render)
    reader.embed = language.embed
    log.info("rows are decoded", way=language.way, reason=language.why, takes=reader.kinds)
    return language


def _tokens(model: Any, family: Family) -> Iterator[tuple[Kind, int]]:
    """The kinds that the model takes, and the ids that keep their places."""
    for kind in family.cuts:
        if kind == "audio" and getattr(model, "audio_tower", None) is None:
            continue
        token = getattr(model.config, f"{kind}_token_index", None) or getattr(model.config, f"{kind}_token_id", None)
        if token is not None:
            yield kind, int(token)


def _ends(folder: Path, config: Mapping[str, Any], processor: Any, model: Any) -> Iterator[int]:
    """The ids that end an answer, wherever the model's files name them, or mlx-vlm where they forget one."""
    path = folder / "generation_config.json"
    generation = json.loads(path.read_text()) if path.is_file() else {}
    holders = (config, config.get("text_config") or {}, generation)
    for ids in (*(holder.get("eos_token_id") for holder in holders), getattr(model.config, "eos_token_id", None)):
        yield from [ids] if isinstance(ids, int) else ids or []
    yield from getattr(processor, "additional_eos_token_ids", ())
    own = getattr(getattr(processor, "tokenizer", processor), "eos_token_id", None)
    if own is not None:
        yield int(own)
