"""`mlxq image`: images of a prompt, and images changed as a prompt says."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from mlxq.cli.bulk.files import replacing
from mlxq.cli.client import Client, Json, RequestsFailed, talks
from mlxq.cli.events import Watch
from mlxq.cli.terminal import show
from mlxq.cli.terminal.inline import Terminal
from mlxq.cli.terminal.progress import Meter

GENERATIONS, EDITS = "/v1/images/generations", "/v1/images/edits"
FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
_PREVIEWS = 3
_KEPT = 86_400  # seconds that the server has an uploaded image, unless it is deleted before
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class _Image(click.Group):
    """What is not one of its commands is a prompt."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Understand `image "a cat"` as `image generate "a cat"`."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["generate", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Image)
def image() -> None:
    """Make images: mlxq image "a lighthouse at dusk" --out lighthouse.png.

    Ctrl-C cancels the image on the server too.
    """


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What images have in common."""
    for option in (
        click.option("--negative-prompt", help="What is not to be seen."),
        click.option("--guidance-scale", type=float, help="How closely the prompt is followed."),
        click.option("--steps", type=click.IntRange(1), help="Denoising steps; the model's own when left out."),
        click.option("--quality", type=click.Choice(["low", "medium", "high"]), help="In place of a number of steps."),
        click.option("--seed", type=click.IntRange(0), help="Draws the same image again; random when left out."),
        click.option("--size", help="WIDTHxHEIGHT in pixels; the model's or the image's own when left out."),
        click.option(
            "--background", type=click.Choice(["opaque", "transparent"]), help="Transparent where a model can."
        ),
        click.option("--n", type=click.IntRange(1, 10), default=1, help="How many images; one when left out."),
        click.option("--model", help="Who draws; the only model that can when left out."),
        click.option("--overwrite", is_flag=True, help="Replace what is there."),
        click.option(
            "--out",
            required=True,
            type=click.Path(path_type=Path, dir_okay=False),
            help="A .png, .jpg or .webp; several images are numbered.",
        ),
    ):
        command = option(command)
    return show.as_json(talks(command))


@image.command()
@click.argument("prompt")
@click.option("--image", "pictures", type=_FILE, help="An image to begin with.")
@click.option("--image-strength", type=click.FloatRange(0, 1), help="How much of that image is kept.")
@options
def generate(client: Client, prompt: str, pictures: Path | None, **given: Any) -> None:
    """Make images of a prompt."""
    draw(client, GENERATIONS, prompt, {"image": [pictures] if pictures else []}, **given)


@image.command()
@click.argument("prompt")
@click.option("--image", "pictures", type=_FILE, multiple=True, required=True, help="An image; may be given again.")
@click.option("--image-strength", type=click.FloatRange(0, 1), help="How strongly images lead a ControlNet.")
@click.option("--mask", type=_FILE, help="Where it changes: what is transparent, or white, in an image of that size.")
@options
def edit(client: Client, prompt: str, pictures: Sequence[Path], mask: Path | None, **given: Any) -> None:
    """Change images as a prompt says."""
    draw(client, EDITS, prompt, {"image": list(pictures), "mask": [mask] if mask else []}, **given)


def draw(
    client: Client,
    endpoint: str,
    prompt: str,
    sent: dict[str, list[Path]],
    out: Path,
    n: int,
    model: str | None,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Submit a job, show how it goes, and write its images; RequestsFailed when it does not succeed."""
    if out.suffix.lower() not in FORMATS:
        raise click.UsageError(f"--out must end with {', '.join(FORMATS)}")
    outs = [out] if n == 1 else [out.with_stem(f"{out.stem}-{number}") for number in range(1, n + 1)]
    there = [path for path in outs if path.exists()]
    if there and not overwrite:
        raise click.UsageError(f"{there[0]} is there; --overwrite replaces it")
    terminal = Terminal()
    body = {name: value for name, value in options.items() if value is not None} | {
        "model": model or client.model(endpoint),
        "prompt": prompt,
        "n": n,
        "output_format": FORMATS[out.suffix.lower()],
        "partial_images": _PREVIEWS if terminal.previews else 0,
    }
    uploads = {name: [client.upload(path, "vision", keep=_KEPT) for path in paths] for name, paths in sent.items()}
    try:
        body |= {name: ids if name == "image" and endpoint == EDITS else ids[0] for name, ids in uploads.items() if ids}
        result = _result(client, endpoint, body, terminal)
    finally:
        for uploaded in (one for ids in uploads.values() for one in ids):
            client.forget(f"/v1/files/{uploaded}")
    for path, picture in zip(outs, result["data"], strict=True):
        data = base64.b64decode(picture["b64_json"])
        with replacing(path) as file:
            file.write(data)
        terminal.show(data)
    _tell(outs, result, as_json)


def _result(client: Client, endpoint: str, body: Json, terminal: Terminal) -> Json:
    job = client.post("/v1/jobs", {"url": endpoint, "body": body}, key=uuid4().hex)["id"]  # sent twice it draws once
    try:
        with Meter("steps", 0) as meter:
            for kind, event in Watch(client, job).events():
                if kind == "progress":
                    meter.total(event["total"])
                    meter.show(event["done"], "drawing")
                elif kind == "preview":
                    meter.above(terminal.picture(base64.b64decode(event["data"])))
    except KeyboardInterrupt:
        client.post(f"/v1/jobs/{job}/cancel")
        raise
    ended = client.get(f"/v1/jobs/{job}")
    if ended["status"] != "succeeded":
        raise RequestsFailed(f"{job} is {ended['status']}: {show.problem(ended['error']) or 'it has no image'}")
    return client.get(f"/v1/jobs/{job}/result")


def _tell(outs: Sequence[Path], result: Json, as_json: bool) -> None:
    shown = [
        {"out": str(path), "seed": picture["seed"], "steps": picture["steps"]}
        for path, picture in zip(outs, result["data"], strict=True)
    ]
    if as_json:
        show.dump(shown)
        return
    for one in shown:
        click.echo(f"{one['out']}: seed {one['seed']}, {one['steps']} steps")
