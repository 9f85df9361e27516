"""What clients get: one value an object of the API, under OpenAI's name where it has one, for the OpenAPI document.

`web/render` writes the answers, and tests hold every one of them against these.
"""
