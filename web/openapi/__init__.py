"""The OpenAPI document: made of the URL map, the schemas, what each view says of itself, and the error codes."""
