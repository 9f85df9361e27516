"""The image models by their `config_name`: mflux's class, how it is driven, and what it takes. Imports no MLX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Variant:
    """One kind of image model.

    `model` is mflux's class as module:name below `mflux.models`, `config` the maker of its ModelConfig, `canvas` the
    class that drives it as module.name below `canvases`. `steps` and `guidance` are its defaults, a guidance of None
    means that it takes none. It edits `least` to `images` images, or generates where `images` is 0; `strength` says
    that it then also varies an image. `control` is how strongly images lead it by default, None where that cannot
    be chosen; `shows` says what they have to be, where they are not what is edited. One that `enlarges` makes a
    image larger in its own shape. `lora` is mflux's class that knows where adapters belong, empty where mflux lays
    none, and `tuned` an adapter that the model needs. `latents` is mflux's class that knows how latents are laid out,
    where the canvas does not. Sides are multiples of `multiple` pixels.
    """

    model: str
    config: str
    canvas: str
    steps: int
    guidance: float | None = None
    images: int = 0
    mask: Literal["none", "taken", "needed"] = "none"
    strength: bool = False
    negative: bool = False
    lora: str = ""
    multiple: int = 16
    side: int = 1024  # pixels of an image whose size nobody chose, at most
    fewest: int = 1  # steps
    least: int = 1  # images, of one that edits
    control: float | None = None
    shows: str = ""
    transparent: bool = False  # whether it can draw what is transparent
    enlarges: bool = False
    tuned: str = ""
    latents: str = ""

    @property
    def edits(self) -> bool:
        """Whether it edits images, and does not make them of nothing."""
        return self.images > 0


_FLUX_LORA = "flux.weights.flux_lora_mapping:FluxLoRAMapping"
_FLUX2_LORA = "flux2.weights.flux2_lora_mapping:Flux2LoRAMapping"
_FLUX2_LATENTS = "flux2.latent_creator.flux2_latent_creator:Flux2LatentCreator"
_FLUX3_LORA = "flux3.weights.flux3_lora_mapping:Flux3LoRAMapping"
_FLUX3_LATENTS = "flux3.latent_creator.flux3_latent_creator:Flux3LatentCreator"
_QWEN_LORA = "qwen.weights.qwen_lora_mapping:QwenLoRAMapping"
_QWEN21_LORA = "qwen21.weights.qwen21_lora_mapping:Qwen21LoRAMapping"
_QWEN21_LATENTS = "qwen21.latent_creator.qwen_image21_latent_creator:QwenImage21LatentCreator"
_Z_IMAGE_LORA = "z_image.weights.z_image_lora_mapping:ZImageLoRAMapping"
_FIBO2_LORA = "fibo2.weights.fibo2_lora_mapping:Fibo2LoRAMapping"
_FIBO2_LATENTS = "fibo2.latent_creator.fibo2_latent_creator:Fibo2LatentCreator"
_KREA2_LORA = "krea2.weights.krea2_lora_mapping:Krea2LoRAMapping"

_FLUX = Variant(
    "flux.variants.txt2img.flux:Flux1", "dev", "flux.Flux", 25, 3.5, strength=True, lora=_FLUX_LORA
)  # fmt: skip
_FLUX_EDIT = replace(_FLUX, images=1, strength=False)
_CONTROL = replace(
    _FLUX_EDIT, model="flux.variants.controlnet.flux_controlnet:Flux1Controlnet", config="dev_controlnet_canny",
    canvas="flux_control.Control", control=0.4,
)  # fmt: skip
_DIPTYCH = replace(
    _FLUX_EDIT, model="flux.variants.in_context.flux_in_context_fill:Flux1InContextFill", config="dev_fill",
    canvas="flux_context.Edit", guidance=30.0,
)  # fmt: skip
_KLEIN = Variant(
    "flux2.variants.txt2img.flux2_klein:Flux2Klein", "flux2_klein_4b", "flux2.Klein", 4, 1.0, strength=True,
    negative=True, lora=_FLUX2_LORA,
)  # fmt: skip
_KLEIN_EDIT = Variant(
    "flux2.variants.edit.flux2_klein_edit:Flux2KleinEdit", "flux2_klein_4b", "flux2.KleinEdit", 4, 1.0, images=10,
    negative=True, lora=_FLUX2_LORA,
)  # fmt: skip
_QWEN = Variant(
    "qwen.variants.txt2img.qwen_image:QwenImage", "qwen_image", "qwen.Qwen", 20, 4.0, strength=True, negative=True,
    lora=_QWEN_LORA,
)  # fmt: skip
_QWEN_EDIT = Variant(
    "qwen.variants.edit.qwen_image_edit:QwenImageEdit", "qwen_image_edit", "qwen.QwenEdit", 20, 4.0, images=3,
    negative=True, lora=_QWEN_LORA,
)  # fmt: skip
_Z_IMAGE = Variant(
    "z_image.variants.z_image:ZImage", "z_image_turbo", "z_image.ZImage", 9, strength=True, lora=_Z_IMAGE_LORA
)
_FIBO = Variant("fibo.variants.txt2img.fibo:FIBO", "fibo", "fibo.Fibo", 50, 5.0, strength=True, negative=True)
_FIBO_EDIT = Variant(
    "fibo.variants.edit.fibo_edit:FIBOEdit", "fibo_edit", "fibo.FiboEdit", 50, 3.5, images=1, mask="taken",
    negative=True,
)  # fmt: skip
_FLUX3 = Variant(
    "flux3.variants.txt2img.flux3_klein:Flux3Klein", "flux3_image_klein", "unrolled.Unrolled", 16, lora=_FLUX3_LORA,
    latents=_FLUX3_LATENTS,
)  # fmt: skip
_FLUX3_EDIT = Variant(
    "flux3.variants.edit.flux3_klein_edit:Flux3KleinEdit", "flux3_image_klein", "unrolled.Unrolled", 16, images=4,
    lora=_FLUX3_LORA, latents=_FLUX3_LATENTS,
)  # fmt: skip
_QWEN21 = Variant(
    "qwen21.variants.txt2img.qwen_image_21:QwenImage21", "qwen_image_21", "unrolled.Unrolled", 40, 1.0, strength=True,
    negative=True, multiple=32, fewest=2, transparent=True, lora=_QWEN21_LORA,
    latents="qwen21.latent_creator.qwen21_latent_creator:Qwen21LatentCreator",
)  # fmt: skip
_QWEN21_EDIT = Variant(
    "qwen21.variants.edit.qwen_image_21_edit:QwenImage21Edit", "qwen_image_21", "qwen21.Edit", 40, 1.0, images=10,
    mask="taken", negative=True, multiple=32, fewest=2, transparent=True, lora=_QWEN21_LORA, latents=_QWEN21_LATENTS,
)  # fmt: skip
_QWEN21_CONTROL = replace(
    _QWEN21_EDIT, model="qwen21.variants.controlnet.qwen_image_21_controlnet:QwenImage21Controlnet",
    config="qwen_image_21_controlnet_union", canvas="qwen21.Control", images=2, control=1.0,
    shows="edges, depth, lines or a pose; with a mask behind the image",
)  # fmt: skip
_FIBO2_EDIT = Variant(
    "fibo2.variants.edit.fibo2_edit:Fibo2Edit", "fibo2_edit_turbo", "unrolled.Unrolled", 4, images=5, mask="taken",
    lora=_FIBO2_LORA, latents=_FIBO2_LATENTS,
)  # fmt: skip
_KREA2 = Variant("krea2.variants.txt2img.krea2:Krea2", "krea2", "unrolled.Unrolled", 8, strength=True, lora=_KREA2_LORA)
_ERNIE = Variant(
    "ernie_image.variants.txt2img.ernie_image:ErnieImage", "ernie_image_turbo", "unrolled.Unrolled", 8, strength=True,
    lora="ernie_image.weights.ernie_lora_mapping:ErnieLoRAMapping",
)  # fmt: skip
_ANIMA = Variant(
    "anima.variants.txt2img.anima:Anima", "anima_turbo", "unrolled.Unrolled", 10,
    lora="anima.weights.anima_lora_mapping:AnimaLoRAMapping",
)  # fmt: skip
_IRIS = Variant("iris.variants.txt2img.iris:Iris", "iris_3b", "unrolled.Unrolled", 4)
_MOSS = Variant(
    "moss_image.variants.txt2img.moss_image:MOSSImage", "moss_image_sft", "unrolled.Unrolled", 50, 4.5, negative=True,
    lora="moss_image.weights.moss_image_lora_mapping:MOSSImageLoRAMapping",
)  # fmt: skip
_SEEDVR2 = Variant(
    "seedvr2.variants.upscale.seedvr2:SeedVR2", "seedvr2_3b", "seedvr2.Upscale", 1, images=1, multiple=2,
    enlarges=True,
)  # fmt: skip

# The first twelve are the names of mlx-openai-server, so that its models' files can be taken over.
VARIANTS: Mapping[str, Variant] = {
    "flux-schnell": replace(_FLUX, config="schnell", steps=4, guidance=None),
    "flux-dev": _FLUX,
    "flux-krea-dev": replace(_FLUX, config="krea_dev"),
    "flux-kontext-dev": replace(
        _FLUX_EDIT, model="flux.variants.kontext.flux_kontext:Flux1Kontext", config="dev_kontext",
        canvas="flux.Kontext", guidance=2.5,
    ),
    "flux2-klein-4b": _KLEIN,
    "flux2-klein-9b": replace(_KLEIN, config="flux2_klein_9b"),
    "flux2-klein-edit-4b": _KLEIN_EDIT,
    "flux2-klein-edit-9b": replace(_KLEIN_EDIT, config="flux2_klein_9b"),
    "qwen-image": _QWEN,
    "qwen-image-edit": _QWEN_EDIT,
    "z-image-turbo": _Z_IMAGE,
    "fibo": _FIBO,
    "flux-fill-dev": replace(
        _FLUX_EDIT, model="flux.variants.fill.flux_fill:Flux1Fill", config="dev_fill", canvas="flux.Fill",
        guidance=30.0, mask="needed",
    ),
    "flux2-klein-base-4b": replace(_KLEIN, config="flux2_klein_base_4b", steps=50, guidance=4.0),
    "flux2-klein-base-9b": replace(_KLEIN, config="flux2_klein_base_9b", steps=50, guidance=4.0),
    "flux2-klein-edit-9b-kv": replace(_KLEIN_EDIT, config="flux2_klein_9b_kv"),
    "qwen-image-edit-2511": replace(_QWEN_EDIT, config="qwen_image_edit_2511"),
    "z-image": replace(_Z_IMAGE, config="z_image", steps=50, guidance=4.0, negative=True),
    "fibo-lite": replace(_FIBO, config="fibo_lite", steps=8, guidance=None, negative=False),
    "fibo-edit": _FIBO_EDIT,
    "fibo-edit-rmbg": replace(_FIBO_EDIT, config="fibo_edit_rmbg", canvas="fibo.Matte", steps=10, transparent=True),
    "qwen-image-2.1": _QWEN21,
    "qwen-image-2.1-turbo": replace(_QWEN21, config="qwen_image_21_turbo", steps=8, guidance=None, negative=False),
    "qwen-image-2.1-edit": _QWEN21_EDIT,
    "qwen-image-2.1-turbo-edit": replace(
        _QWEN21_EDIT, config="qwen_image_21_turbo", steps=8, guidance=None, negative=False
    ),
    "fibo2": Variant(
        "fibo2.variants.txt2img.fibo2:Fibo2", "fibo2", "unrolled.Unrolled", 50, 5.0, negative=True, lora=_FIBO2_LORA,
        latents=_FIBO2_LATENTS,
    ),
    "fibo2-edit-turbo": _FIBO2_EDIT,
    "flux3-klein": _FLUX3,
    "flux3-klein-base": replace(_FLUX3, config="flux3_image_klein_base", steps=50, guidance=4.0),
    "flux3-klein-edit": _FLUX3_EDIT,
    "krea2": _KREA2,
    "ernie-image": replace(_ERNIE, config="ernie_image", steps=50, guidance=4.0, negative=True),
    "ernie-image-turbo": _ERNIE,
    "anima-turbo": _ANIMA,
    "anima-base": replace(_ANIMA, config="anima_base", steps=30, guidance=4.0, negative=True),
    "iris-3b": _IRIS,
    "moss-image": _MOSS,
    "ideogram4": Variant(
        "ideogram4.variants.txt2img.ideogram4:Ideogram4", "ideogram4_fp8", "unrolled.Unrolled", 20,
        lora="ideogram4.weights.ideogram4_lora_mapping:Ideogram4LoRAMapping",
        latents="ideogram4.latent_creator.ideogram4_latent_creator:Ideogram4LatentCreator",
    ),
    "boogu-image-turbo": Variant(
        "boogu.variants.txt2img.boogu_image:BooguImage", "boogu_image_turbo", "unrolled.Unrolled", 4
    ),
    "lens-turbo": Variant(
        "lens.variants.txt2img.lens_image:LensImage", "lens_turbo", "unrolled.Unrolled", 4,
        latents=_FLUX2_LATENTS,
    ),
    "ming-image-design": Variant(
        "ming_image.variants.ming_image:MingImage", "ming_image_design", "unrolled.Unrolled", 12,
        transparent=True,
    ),
    "flux-schnell-canny": replace(_CONTROL, config="schnell_controlnet_canny", steps=4, guidance=None),
    "flux-dev-canny": _CONTROL,
    "flux-dev-upscaler": replace(_CONTROL, config="dev_controlnet_upscaler"),
    "flux-depth-dev": replace(
        _FLUX_EDIT, model="flux.variants.depth.flux_depth:Flux1Depth", config="dev_depth",
        canvas="flux_control.Depth", guidance=10.0,
    ),
    "flux-redux-dev": replace(
        _FLUX_EDIT, model="flux.variants.redux.flux_redux:Flux1Redux", config="dev_redux",
        canvas="flux_control.Redux", images=4, control=1.0,
    ),
    "flux-in-context-dev": replace(
        _FLUX_EDIT, model="flux.variants.in_context.flux_in_context_dev:Flux1InContextDev",
        canvas="flux_context.InContext",
    ),
    "flux-in-context-edit": replace(
        _DIPTYCH, tuned="RiverZ/normal-lora:pytorch_lora_weights.safetensors", side=512
    ),
    "flux-catvton": replace(
        _DIPTYCH, config="dev_fill_catvton", canvas="flux_context.TryOn", images=2, least=2, mask="needed",
        shows="who wears it, and the garment",
    ),
    "z-image-turbo-controlnet": replace(
        _Z_IMAGE, model="z_image.variants.controlnet.z_image_turbo_controlnet:ZImageTurboControlnet",
        config="z_image_turbo_controlnet_union_2_1", canvas="z_image.Control", steps=8, strength=False, images=4,
        control=1.0, shows="edges, depth, lines or a pose",
    ),
    "krea2-raw": replace(_KREA2, config="krea2_raw", steps=25),
    "krea2-depth": replace(
        _KREA2, model="krea2.variants.controlnet.krea2_controlnet:Krea2Controlnet", config="krea2_controlnet_depth",
        canvas="krea2.Depth", strength=False, images=1, shows="a depth map, near white and far black",
    ),
    "qwen-image-2.1-controlnet": _QWEN21_CONTROL,
    "qwen-image-2.1-turbo-controlnet": replace(
        _QWEN21_CONTROL, config="qwen_image_21_turbo_controlnet_union", steps=8, guidance=None, negative=False
    ),
    "anima-aesthetic": replace(_ANIMA, config="anima_aesthetic", steps=30, guidance=4.0, negative=True),
    "iris-3b-base": replace(_IRIS, config="iris_3b_base", steps=100, guidance=3.0, negative=True),
    "moss-image-base": replace(_MOSS, config="moss_image_base"),
    "seedvr2-3b": _SEEDVR2,
    "seedvr2-7b": replace(_SEEDVR2, config="seedvr2_7b"),
}  # fmt: skip
