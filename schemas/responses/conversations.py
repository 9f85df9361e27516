"""The bodies below `/v1/conversations`, and what its lists may be asked."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from schemas.containers import Items
from schemas.fields import Body, about
from schemas.jobs.jobs import metadata
from schemas.responses.items import ItemList
from schemas.text.stored_completions import MetadataSchema, PageSchema

MOST_AT_ONCE = 20  # items that OpenAI takes in a call
PICTURES = "message.input_image.image_url"
INCLUDES = (  # what OpenAI's SDK may ask for; items are shown whole here, and nothing of them has to be asked for
    *("file_search_call.results", "web_search_call.results", "web_search_call.action.sources", PICTURES),
    *("computer_call_output.output.image_url", "code_interpreter_call.outputs", "reasoning.encrypted_content"),
    "message.output_text.logprobs",
)


def _include() -> Items:
    description = "What else to show; nothing has to be asked for here."
    return Items(fields.String(validate=OneOf(INCLUDES)), most=len(INCLUDES), metadata=about(description))


class ConversationCreateSchema(Body):
    """A conversation to begin."""

    items = ItemList(most=MOST_AT_ONCE)
    metadata = metadata()


class ConversationUpdateSchema(MetadataSchema):
    """Other metadata of a conversation."""


class ItemsCreateSchema(Body):
    """Items to put behind those of a conversation."""

    items = ItemList(most=MOST_AT_ONCE, required=True, validate=Length(min=1))


class ItemSchema(Body):
    """How items are shown; everything arrives as a string."""

    include = _include()


class ItemListSchema(PageSchema):
    """Which items of a conversation to list, the latest first unless asked otherwise."""

    order = fields.String(load_default="desc", validate=OneOf(("asc", "desc")))
    include = _include()
