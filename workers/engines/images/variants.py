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
    means that it takes none. `images` is how many pictures it edits at most, 0 for a model that generates; `strength`
    says that it also varies a picture. Sides are multiples of `multiple` pixels.
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
    lora: bool = True
    multiple: int = 16
    fewest: int = 1  # steps

    @property
    def edits(self) -> bool:
        """Whether it edits pictures, and does not make them of nothing."""
        return self.images > 0


_FLUX = Variant("flux.variants.txt2img.flux:Flux1", "dev", "flux.Flux", 25, 3.5, strength=True)
_KLEIN = Variant(
    "flux2.variants.txt2img.flux2_klein:Flux2Klein", "flux2_klein_4b", "flux2.Klein", 4, 1.0, strength=True,
    negative=True,
)  # fmt: skip
_KLEIN_EDIT = Variant(
    "flux2.variants.edit.flux2_klein_edit:Flux2KleinEdit", "flux2_klein_4b", "flux2.KleinEdit", 4, 1.0, images=10,
    negative=True,
)  # fmt: skip
_QWEN = Variant(
    "qwen.variants.txt2img.qwen_image:QwenImage", "qwen_image", "qwen.Qwen", 20, 4.0, strength=True, negative=True
)
_QWEN_EDIT = Variant(
    "qwen.variants.edit.qwen_image_edit:QwenImageEdit", "qwen_image_edit", "qwen.QwenEdit", 20, 4.0, images=3,
    negative=True,
)  # fmt: skip
_Z_IMAGE = Variant("z_image.variants.z_image:ZImage", "z_image_turbo", "z_image.ZImage", 9, strength=True)
_FIBO = Variant(
    "fibo.variants.txt2img.fibo:FIBO", "fibo", "fibo.Fibo", 50, 5.0, strength=True, negative=True, lora=False
)
_FIBO_EDIT = Variant(
    "fibo.variants.edit.fibo_edit:FIBOEdit", "fibo_edit", "fibo.FiboEdit", 50, 3.5, images=1, mask="taken",
    negative=True, lora=False,
)  # fmt: skip
_FLUX3 = Variant("flux3.variants.txt2img.flux3_klein:Flux3Klein", "flux3_image_klein", "unrolled.Unrolled", 16)
_FLUX3_EDIT = Variant(
    "flux3.variants.edit.flux3_klein_edit:Flux3KleinEdit", "flux3_image_klein", "unrolled.Unrolled", 16, images=4
)
_QWEN21 = Variant(
    "qwen21.variants.txt2img.qwen_image_21:QwenImage21", "qwen_image_21", "unrolled.Unrolled", 40, 1.0, strength=True,
    negative=True, multiple=32, fewest=2,
)  # fmt: skip
_QWEN21_EDIT = Variant(
    "qwen21.variants.edit.qwen_image_21_edit:QwenImage21Edit", "qwen_image_21", "qwen21.Edit", 40, 1.0, images=10,
    mask="taken", negative=True, multiple=32, fewest=2,
)  # fmt: skip
_FIBO2_EDIT = Variant(
    "fibo2.variants.edit.fibo2_edit:Fibo2Edit", "fibo2_edit_turbo", "unrolled.Unrolled", 4, images=5, mask="taken"
)
_KREA2 = Variant("krea2.variants.txt2img.krea2:Krea2", "krea2", "unrolled.Unrolled", 8, strength=True)
_ERNIE = Variant("ernie_image.variants.txt2img.ernie_image:ErnieImage", "ernie_image_turbo", "unrolled.Unrolled", 8, strength=True)  # fmt: skip  # noqa: E501
_ANIMA = Variant("anima.variants.txt2img.anima:Anima", "anima_turbo", "unrolled.Unrolled", 10)
_IRIS = Variant("iris.variants.txt2img.iris:Iris", "iris_3b", "unrolled.Unrolled", 4, lora=False)
_MOSS = Variant("moss_image.variants.txt2img.moss_image:MOSSImage", "moss_image_sft", "unrolled.Unrolled", 50, 4.5, negative=True)  # fmt: skip  # noqa: E501

# The first twelve are the names of mlx-openai-server, so that its models' files can be taken over.
VARIANTS: Mapping[str, Variant] = {
    "flux-schnell": replace(_FLUX, config="schnell", steps=4, guidance=None),
    "flux-dev": _FLUX,
    "flux-krea-dev": replace(_FLUX, config="krea_dev"),
    "flux-kontext-dev": replace(
        _FLUX, model="flux.variants.kontext.flux_kontext:Flux1Kontext", config="dev_kontext", canvas="flux.Kontext",
        guidance=2.5, images=1, strength=False,
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
        _FLUX, model="flux.variants.fill.flux_fill:Flux1Fill", config="dev_fill", canvas="flux.Fill", guidance=30.0,
        images=1, mask="needed", strength=False,
    ),
    "flux2-klein-base-4b": replace(_KLEIN, config="flux2_klein_base_4b", steps=50, guidance=4.0),
    "flux2-klein-base-9b": replace(_KLEIN, config="flux2_klein_base_9b", steps=50, guidance=4.0),
    "flux2-klein-edit-9b-kv": replace(_KLEIN_EDIT, config="flux2_klein_9b_kv"),
    "qwen-image-edit-2511": replace(_QWEN_EDIT, config="qwen_image_edit_2511"),
    "z-image": replace(_Z_IMAGE, config="z_image", steps=50, guidance=4.0, negative=True),
    "fibo-lite": replace(_FIBO, config="fibo_lite", steps=8, guidance=None, negative=False),
    "fibo-edit": _FIBO_EDIT,
    "fibo-edit-rmbg": replace(_FIBO_EDIT, config="fibo_edit_rmbg", steps=10),
    "qwen-image-2.1": _QWEN21,
    "qwen-image-2.1-turbo": replace(_QWEN21, config="qwen_image_21_turbo", steps=8, guidance=None, negative=False),
    "qwen-image-2.1-edit": _QWEN21_EDIT,
    "qwen-image-2.1-turbo-edit": replace(
        _QWEN21_EDIT, config="qwen_image_21_turbo", steps=8, guidance=None, negative=False
    ),
    "fibo2": Variant("fibo2.variants.txt2img.fibo2:Fibo2", "fibo2", "unrolled.Unrolled", 50, 5.0, negative=True),
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
    "ideogram4": Variant("ideogram4.variants.txt2img.ideogram4:Ideogram4", "ideogram4_fp8", "unrolled.Unrolled", 20),
    "boogu-image-turbo": Variant(
        "boogu.variants.txt2img.boogu_image:BooguImage", "boogu_image_turbo", "unrolled.Unrolled", 4, lora=False
    ),
    "lens-turbo": Variant(
        "lens.variants.txt2img.lens_image:LensImage", "lens_turbo", "unrolled.Unrolled", 4, lora=False
    ),
    "ming-image-design": Variant(
        "ming_image.variants.ming_image:MingImage", "ming_image_design", "unrolled.Unrolled", 12, lora=False
    ),
}  # fmt: skip
