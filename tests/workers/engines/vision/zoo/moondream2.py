"""Moondream 2, whose tokenizer mlx-vlm takes from the hub whatever lies in the model's folder."""

from tempfile import TemporaryDirectory

from mlx_vlm.models.moondream2 import processing_moondream2

from tests.workers.engines.text import tiny
from tests.workers.engines.vision.zoo import Tiny
from tests.workers.engines.vision.zoo.moondream3 import LANGUAGE, TOWER

_HUB = TemporaryDirectory()  # which goes when the tests end
tiny.tokenizer().save_pretrained(_HUB.name)
processing_moondream2.TOKENIZER_REPO = _HUB.name

TINY = Tiny(config={"text_config": LANGUAGE, "vision_config": TOWER}, template=None)
