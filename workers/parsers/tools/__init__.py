"""A file a format of tool calls, in the folder of its syntax.

Its name, its markers and how a call is written in it: nothing else needs to know.
"""
