"""Falcon-OCR: one network for patches and tokens. Its processor writes the prompt, of a task's name."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, token

TINY = Tiny(
    config={
        **TEXT,
        "img_id": token(0),
        "image_cls_token_id": token(1),
        "image_reg_1_token_id": token(2),
        "image_reg_2_token_id": token(3),
        "image_reg_3_token_id": token(4),
        "image_reg_4_token_id": token(5),
        "img_end_id": token(6),
    },
    tokens=("<|image|>", "<|image_cls|>", *(f"<|image_reg_{number}|>" for number in range(1, 5)), "<|image_end|>"),
)
