"""Pictures over HTTP, by real backends with tiny random models."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tasks.values.blob_ref import BlobRef
from tests.support.servers import PATIENCE, Stack, eventually
from tests.workers.engines.images.drawing import mask, photo, pixels
from web.http.access import signing

GENERATIONS, EDITS, VARIATIONS = (f"/v1/images/{name}" for name in ("generations", "edits", "variations"))


@pytest.fixture
def client(image_stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=image_stack.url, timeout=PATIENCE) as client:
        yield client


def body(**more: Any) -> dict[str, Any]:
    return {"model": "flux2", "prompt": "a cat", "size": "64x64", "steps": 2, **more}


def form(**more: Any) -> dict[str, str]:
    return {"model": "flux2-edit", "prompt": "a dog", "size": "64x64", "steps": "2", **more}


def made(client: httpx.Client, **more: Any) -> dict[str, Any]:
    response = client.post(GENERATIONS, json=body(**more))
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def decoded(shown: dict[str, Any]) -> np.ndarray[Any, Any]:
    return pixels(base64.b64decode(shown["b64_json"]))


def test_two_pictures_have_seeds_that_draw_them_again(client: httpx.Client) -> None:
    both = made(client, n=2)
    first, second = both["data"]
    assert second["seed"] == first["seed"] + 1 and both["size"] == "64x64" and both["output_format"] == "png"
    assert not np.array_equal(decoded(first), decoded(second))
    (again,) = made(client, seed=second["seed"])["data"]
    assert np.array_equal(decoded(again), decoded(second))
    assert both["usage"]["output_tokens"] == 32 and both["usage"]["input_tokens"] == 5


def test_a_seed_that_nobody_chose_is_another_each_time(client: httpx.Client) -> None:
    assert made(client)["data"][0]["seed"] != made(client)["data"][0]["seed"]


def test_a_link_shows_the_picture_without_a_key_until_the_job_is_gone(client: httpx.Client) -> None:
    job = client.post(
        GENERATIONS, json=body(response_format="url", output_format="webp"), headers={"Prefer": "wait=60"}
    )
    (shown,) = job.json()["data"]
    again = client.get(f"/v1/jobs/{newest(client)}/result").json()
    assert again["data"] == job.json()["data"]  # the same bytes at every reading
    picture = httpx.get(shown["url"])
    assert picture.headers["Content-Type"] == "image/webp" and picture.headers["X-Content-Type-Options"] == "nosniff"
    assert Image.open(io.BytesIO(picture.content)).size == (64, 64)
    forged = shown["url"].replace("/content/", "/content/x")
    assert httpx.get(forged).status_code == 404
    assert client.delete(f"/v1/jobs/{newest(client)}").status_code == 200
    assert httpx.get(shown["url"]).json()["error"]["message"].startswith("this image is gone")


def animated() -> bytes:
    file = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def newest(client: httpx.Client) -> str:
    return str(client.get("/v1/jobs").json()["data"][0]["id"])


def test_a_link_ends_with_its_time(image_stack: Stack, client: httpx.Client) -> None:
    past = signing.sign(image_stack.settings, BlobRef("0" * 64, 1, "image/png"), 1)
    gone = client.get(f"/v1/images/content/{past}")
    assert gone.status_code == 404 and "expired" in gone.json()["error"]["message"]


def test_an_edit_takes_one_picture_or_several(client: httpx.Client) -> None:
    one = client.post(EDITS, data=form(seed="3"), files={"image": photo()})
    two = client.post(EDITS, data=form(seed="3"), files=[("image[]", photo()), ("image[]", photo(colour="blue"))])
    assert one.status_code == two.status_code == 200, (one.text, two.text)
    assert not np.array_equal(decoded(one.json()["data"][0]), decoded(two.json()["data"][0]))


def test_an_edit_may_be_json_with_data_urls_and_is_the_same(client: httpx.Client) -> None:
    url = "data:image/png;base64," + base64.b64encode(photo()).decode()
    sent = {**form(), "image": [url], "seed": 3, "steps": 2}
    written = client.post(EDITS, json=sent)
    assert written.status_code == 200, written.text
    posted = client.post(EDITS, data=form(seed="3"), files={"image": photo()})
    assert written.json()["data"] == posted.json()["data"]
    job = client.post("/v1/jobs", json={"url": EDITS, "body": sent}).json()
    assert len(job["inputs"]) == 1
    eventually(lambda: client.get(f"/v1/jobs/{job['id']}").json()["status"] == "succeeded")
    assert client.get(f"/v1/jobs/{job['id']}/result").json()["data"] == posted.json()["data"]


def test_an_edit_may_refer_to_its_pictures_as_openai_s_json_does(client: httpx.Client) -> None:
    first, second = photo(), photo(colour="blue")
    url = "data:image/png;base64," + base64.b64encode(first).decode()
    file = client.post("/v1/files", data={"purpose": "vision"}, files={"file": ("b.png", second)}).json()["id"]
    sent = {**form(), "images": [{"image_url": url}, {"file_id": file}], "seed": 3}
    written = client.post(EDITS, json=sent)
    posted = client.post(EDITS, data=form(seed="3"), files=[("image[]", first), ("image[]", second)])
    assert written.status_code == 200, written.text
    assert written.json()["data"] == posted.json()["data"]


def test_a_mask_may_be_referred_to(client: httpx.Client) -> None:
    urls = ["data:image/png;base64," + base64.b64encode(one).decode() for one in (photo(), mask())]
    sent = {**form(model="qwen-edit"), "images": [{"image_url": urls[0]}], "mask": {"image_url": urls[1]}, "seed": 3}
    written = client.post(EDITS, json=sent)
    posted = client.post(EDITS, data=form(model="qwen-edit", seed="3"), files={"image": photo(), "mask": mask()})
    assert written.status_code == 200, written.text
    assert written.json()["data"] == posted.json()["data"]


def test_a_mask_keeps_what_it_does_not_cover(client: httpx.Client) -> None:
    sent = form(model="qwen-edit")
    response = client.post(EDITS, data=sent, files={"image": photo(), "mask": mask()})
    assert response.status_code == 200, response.text
    found, original = decoded(response.json()["data"][0]), pixels(photo())
    assert np.abs(found[:, 34:] - original[:, 34:]).max() <= 1
    assert np.abs(found[:, :30] - original[:, :30]).mean() > 20


def test_a_background_stays_transparent_where_the_model_can_leave_it(client: httpx.Client) -> None:
    response = client.post(EDITS, data=form(model="qwen-edit", background="transparent"), files={"image": photo()})
    told = response.json()
    assert (response.status_code, told["background"]) == (200, "transparent"), response.text
    assert Image.open(io.BytesIO(base64.b64decode(told["data"][0]["b64_json"]))).mode == "RGBA"


def test_a_call_chooses_its_adapter(client: httpx.Client) -> None:
    plain, named, chosen = (made(client, seed=3, **more) for more in ({}, {"model": "flux2:ink"}, {"adapter": "ink"}))
    assert named["data"] == chosen["data"] and named["data"] != plain["data"]
    unknown = client.post(GENERATIONS, json=body(adapter="none"))
    assert (unknown.status_code, unknown.json()["error"]["param"]) == (404, "adapter")
    assert "there are ink" in unknown.json()["error"]["message"]


def test_a_variation_is_like_its_picture(client: httpx.Client) -> None:
    sent = {"model": "flux2", "size": "64x64", "steps": "8", "image_strength": "0.75"}
    response = client.post(VARIATIONS, data=sent, files={"image": photo()})
    assert response.status_code == 200 and response.json()["data"][0]["steps"] == 8, response.text


@pytest.mark.parametrize(
    ("path", "sent", "files", "param", "told"),
    [
        (GENERATIONS, body(model="flux2-edit"), None, "model", "it serves /v1/images/edits"),
        (EDITS, form(model="flux2"), {"image": b"x"}, "model", "/v1/images/generations and /v1/images/variations"),
        (EDITS, form(), {"image": photo(), "mask": mask()}, "mask", "takes no mask; those that do are flux-fill-dev"),
        (EDITS, form(), {"image": b"<svg/>"}, "image", "begins like HTML, XML or SVG"),
        (EDITS, form(), {"image": animated()}, "image", "animated"),
        (EDITS, form(), {}, "image", "an image to edit is required"),
        (EDITS, form(n="11"), {"image": photo()}, "n", "to 10"),
        (EDITS, form(input_fidelity="high", style="vivid"), {"image": photo()}, "style", "not supported"),
        (GENERATIONS, body(size="100x64"), None, "size", "multiples of 16"),
        (GENERATIONS, body(size="large"), None, "size", "WIDTHxHEIGHT"),
        (GENERATIONS, body(background="transparent"), None, "background", "those that can leave it transparent are"),
        (GENERATIONS, body(background="clear"), None, "background", "Must be one of: auto, opaque, transparent"),
        (GENERATIONS, body(background="transparent", output_format="jpeg"), None, "output_format", "no transparency"),
        (EDITS, form(image_strength="0.5"), {"image": photo()}, "image_strength", "varies no image"),
        (GENERATIONS, body(quality="best"), None, "quality", "one of auto, low"),
        (GENERATIONS, body(output_compression=50), None, "output_compression", "jpeg or webp"),
        (GENERATIONS, body(stream=True, response_format="url"), None, "response_format", "a stream holds"),
        (GENERATIONS, body(seed=-1), None, "seed", "greater than or equal to 0"),
        (GENERATIONS, body(n=True), None, "n", "integer"),
        (GENERATIONS, body(image="nothing"), None, "image", "data URL"),
        (EDITS, form(images=[{"file_id": "file-none"}]), None, "images[0].file_id", "you have no file"),
        (EDITS, form(images=[{"image_url": "none"}]), None, "images[0].image_url", "data URL"),
        (EDITS, form(images=[]), None, "images", "one image or up to 16"),
        (EDITS, form(images=[{}]), None, "images[0]", "one of 'image_url' and 'file_id'"),
        (GENERATIONS, body(stream=True, steps=500), None, "steps", "from 1 to 200"),
        (GENERATIONS, {"model": "flux2"}, None, "prompt", "required"),
    ],
)
def test_what_is_wrong_is_a_400_that_names_the_field(
    client: httpx.Client, path: str, sent: dict[str, Any], files: Any, param: str, told: str
) -> None:
    if files is None:
        response = client.post(path, json=sent)
    else:
        response = client.post(path, files=[*((name, (None, value)) for name, value in sent.items()), *files.items()])
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, param), error
    assert told in error["message"]


def test_a_stream_shows_previews_and_then_the_picture(client: httpx.Client) -> None:
    response = client.post(GENERATIONS, json=body(stream=True, partial_images=2, steps=4, seed=5))
    *frames, done = response.text.strip().split("\n\n")
    events = [json.loads(frame.split("data: ", 1)[1]) for frame in frames]
    assert done == "data: [DONE]" and frames[0].startswith("event: image_generation.partial_image\n")
    assert [event["type"] for event in events] == ["image_generation.partial_image"] * 2 + [
        "image_generation.completed"
    ]
    assert [event["partial_image_index"] for event in events[:2]] == [0, 1]
    assert np.array_equal(decoded(events[-1]), decoded(made(client, steps=4, seed=5)["data"][0]))


def test_a_line_of_a_batch_holds_its_picture(client: httpx.Client) -> None:
    line = {"custom_id": "a", "method": "POST", "url": GENERATIONS, "body": body(seed=4, response_format="url")}
    sent = {"file": ("lines.jsonl", json.dumps(line).encode())}
    file = client.post("/v1/files", data={"purpose": "batch"}, files=sent).json()["id"]
    asked = {"input_file_id": file, "endpoint": GENERATIONS, "completion_window": "24h"}
    batch = client.post("/v1/batches", json=asked).json()["id"]
    ended = eventually(lambda: finished(client.get(f"/v1/batches/{batch}").json()))
    answer = json.loads(client.get(f"/v1/files/{ended['output_file_id']}/content").text)["response"]["body"]
    assert np.array_equal(decoded(answer["data"][0]), decoded(made(client, seed=4)["data"][0]))


def finished(batch: dict[str, Any]) -> dict[str, Any] | None:
    return batch if batch["status"] == "completed" else None


def test_an_uploaded_file_may_be_edited_by_its_id(client: httpx.Client) -> None:
    sent = {"file": ("uploaded.png", photo())}
    file = client.post("/v1/files", data={"purpose": "vision"}, files=sent).json()["id"]
    by_id = client.post(EDITS, json={**form(), "image": file, "seed": 3})
    posted = client.post(EDITS, data=form(seed="3"), files={"image": photo()})
    assert by_id.json()["data"] == posted.json()["data"]


def test_what_one_job_made_another_may_change(client: httpx.Client) -> None:
    job = client.post(GENERATIONS, json=body(seed=4), headers={"Prefer": "wait=60"})
    (output,) = client.get(f"/v1/jobs/{newest(client)}").json()["outputs"]
    assert output["type"] == "image/png"
    by_blob = client.post(EDITS, json={**form(), "image": output["blob"], "seed": 3})
    drawn = base64.b64decode(job.json()["data"][0]["b64_json"])
    posted = client.post(EDITS, data=form(seed="3"), files={"image": drawn})
    assert by_blob.status_code == 200 and by_blob.json()["data"] == posted.json()["data"]


def test_a_job_tells_its_progress_step_by_step(client: httpx.Client) -> None:
    job = client.post("/v1/jobs", json={"url": GENERATIONS, "body": body(n=2, steps=3, partial_images=1)}).json()
    with client.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        frames = "".join(stream.iter_text()).strip().split("\n\n")
    named = [frame.split("\n")[1].removeprefix("event: ") for frame in frames if not frame.startswith(":")]
    assert named.count("progress") == 7 and named.count("preview") == named.count("picture") == 2
    assert named[-1] == "done" and client.get(f"/v1/jobs/{job['id']}").json()["progress"] == 100


def test_a_job_that_is_cancelled_in_its_second_step_takes_at_most_one_more(
    client: httpx.Client, image_stack: Stack
) -> None:
    sent = body(size="512x512", steps=8)
    job = client.post("/v1/jobs", json={"url": GENERATIONS, "body": sent}).json()["id"]
    cancelled, done = False, []
    with client.stream("GET", f"/v1/jobs/{job}/events") as stream:
        for line in stream.iter_lines():
            if '"done":' in line and '"total":8' in line:
                done.append(json.loads(line.removeprefix("data: "))["done"])
            if done and done[-1] == 1 and not cancelled:
                cancelled = client.post(f"/v1/jobs/{job}/cancel").status_code == 200
    assert cancelled and max(done) <= 2
    assert eventually(lambda: [line for line in image_stack.supervisor.log("was taken away") if job in line])
    assert made(client, steps=1)["data"]  # the slot is free again
