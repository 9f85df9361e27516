"""`/v1/files`: uploads that outlive their request, and what batches have written."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, send_file

from schemas.answers import jobs as answers
from schemas.jobs.files import FileListSchema, FileSchema
from tasks.values.errors import InvalidValue, NotFound
from web import intake
from web.gateway import gateway
from web.http.access import auth
from web.http.body import unknown_fields
from web.http.errors import RequestTooLarge
from web.intake import Upload
from web.openapi.operation import operation
from web.render import page as listing
from web.render.jobs import file as render

BATCH_BYTES = 200 * 1024 * 1024
_NAME = 255  # characters of a filename
blueprint = Blueprint("files", __name__, url_prefix="/v1/files")


@blueprint.post("")
@operation("createFile", answers.OpenAIFile, body=FileSchema, files=frozenset({"file"}))
def create() -> dict[str, Any]:
    """Keep an upload."""
    with intake.form(request, gateway(), frozenset({"file"})) as (fields, uploads):
        given = {**fields, **{name: intake.one(name, received) for name, received in uploads.items()}}
        data = unknown_fields.read(FileSchema, given)
        upload: Upload = data["file"]
        keep = data.get("expires_after", {}).get("seconds")
        if data["purpose"] == "batch":
            _check_batch(upload)
            keep = keep or gateway().settings.batch_ttl
        name = _name(upload.filename)
        return render.body(gateway().files.add(auth.current(), name, data["purpose"], upload.keep(), keep))


def _name(given: str) -> str:
    """A filename without its folders, and without what no header or terminal should be shown."""
    base = given.replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in base if character.isprintable())[-_NAME:]


def _check_batch(upload: Upload) -> None:
    if not upload.filename.lower().endswith(".jsonl"):
        raise InvalidValue("Invalid file format for Batch API. Must be .jsonl", param="file")
    if upload.incoming.size > BATCH_BYTES:
        raise RequestTooLarge(f"a batch's file may have {BATCH_BYTES} bytes", param="file")


@blueprint.get("")
@operation("listFiles", answers.ListFilesResponse, query=FileListSchema)
def index() -> dict[str, Any]:
    """The owner's files."""
    asked = unknown_fields.read(FileListSchema, request.args.to_dict())
    page = gateway().files.list(
        auth.current(),
        limit=asked["limit"],
        after=asked.get("after"),
        newest_first=asked["order"] == "desc",
        purpose=asked.get("purpose"),
    )
    return listing.body([render.body(file) for file in page.files], page.has_more)


@blueprint.get("/<file_id>")
@operation("retrieveFile", answers.OpenAIFile)
def show(file_id: str) -> dict[str, Any]:
    """One file."""
    return render.body(gateway().files.get(file_id, auth.current()))


@blueprint.get("/<file_id>/content")
@operation(
    "downloadFile",
    media={"application/octet-stream": bytes},
    headers=("Range",),
    others={206: {"application/octet-stream": bytes}},
    errors=frozenset({416}),
)
def content(file_id: str) -> Response:
    """A file's bytes, from the disk to the socket."""
    file = gateway().files.get(file_id, auth.current())
    path = gateway().store.blobs.path(file.blob)
    if not path.is_file():
        raise NotFound(f"the bytes of '{file_id}' are gone")
    return send_file(
        path.resolve(), "application/octet-stream", as_attachment=True, download_name=file.filename or file.id
    )


@blueprint.delete("/<file_id>")
@operation("deleteFile", answers.DeleteFileResponse)
def delete(file_id: str) -> dict[str, Any]:
    """Forget a file."""
    gateway().files.delete(file_id, auth.current())
    return {"id": file_id, "object": "file", "deleted": True}
