"""mflux's `generate_image` as a generator that stops after each denoising step.

The loop inside is one blocking call, amid which nobody could be told of progress and nothing cancelled. But each of
mflux's models ends a step with `ctx.in_loop(step, latents)`; so the method's source is compiled once more, with a
`yield` of the latents, or of what is seen in them, behind that call. All else stays as it is.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Generator
from typing import Any

_MARK = "in_loop"
_DENOISED = "denoised"  # its argument for what the latents would be without their noise
_PREFIX = "_unrolled_"


class Unsuitable(Exception):
    """A model's method has no step after which it could stop."""


def unrolled(kind: type, name: str = "generate_image") -> Callable[..., Generator[Any, None, Any]]:
    """A method of a class, to be called with the instance first; raises Unsuitable."""
    function = getattr(kind, name)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)  # noqa: S101  (that is what a method's source is)
    yields = _Yields(kind)
    definition.name, definition.returns, definition.decorator_list = _PREFIX + name, None, []
    _plain(definition.args)
    definition.body = [made for statement in definition.body for made in yields.made(statement)]
    if not yields.found:
        raise Unsuitable(f"{kind.__name__}.{name} has no call of {_MARK}")
    ast.increment_lineno(ast.fix_missing_locations(tree), function.__code__.co_firstlineno - 1)
    namespace = dict(function.__globals__)
    exec(compile(tree, function.__code__.co_filename, "exec", dont_inherit=True), namespace)  # noqa: S102  (mflux's own)
    namespace.update({_PREFIX + other: unrolled(kind, other) for other in yields.called - {name}})
    found: Any = namespace[_PREFIX + name]
    found.__defaults__, found.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    made: Callable[..., Generator[Any, None, Any]] = found
    return made


def _plain(arguments: ast.arguments) -> None:
    """Leave out annotations and defaults, which may name what only a type checker or the class knows."""
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    arguments.defaults = [ast.Constant(None) for _ in arguments.defaults]
    arguments.kw_defaults = [ast.Constant(None) if default else None for default in arguments.kw_defaults]


class _Yields(ast.NodeTransformer):
    """Puts yields behind steps, and makes calls of methods with steps generators' calls too."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self.found = 0
        self.called: set[str] = set()

    def made(self, statement: ast.stmt) -> list[ast.stmt]:
        """What stands in the place of a statement."""
        made = self.visit(statement)
        return made if isinstance(made, list) else [made]

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | list[ast.stmt]:
        self.generic_visit(node)
        call = node.value
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == _MARK):
            return node
        self.found += 1
        denoised = next((one.value for one in call.keywords if one.arg == _DENOISED), call.args[1])
        return [node, ast.Expr(ast.Yield(denoised))]

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        method = node.func
        if not (isinstance(method, ast.Attribute) and isinstance(method.value, ast.Name) and method.value.id == "self"):
            return node
        if not self._steps(method.attr):
            return node
        self.found += 1
        self.called.add(method.attr)
        call = ast.Call(ast.Name(_PREFIX + method.attr, ast.Load()), [method.value, *node.args], node.keywords)
        return ast.YieldFrom(call)

    def _steps(self, method: str) -> bool:
        found = inspect.getattr_static(self._kind, method, None)
        return inspect.isfunction(found) and f".{_MARK}(" in inspect.getsource(found)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """A function within is not the method: a yield would make a generator of it."""
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        return node
