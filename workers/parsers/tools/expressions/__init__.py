"""Formats where a call is an expression with the arguments in brackets, as `f(k=v)` or `call:f{k:v}`."""
