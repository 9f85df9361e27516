"""The processes that run models: a supervisor, and one worker a model with one engine thread in it."""
