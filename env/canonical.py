"""The canonical form of a program: equal for programs that differ only in layout, comments or names of locals.

Both ways matter. Two programs of one form behave alike, so that one can stand for both when programs are run and
counted. And programs that say the same thing should have one form; that is only tried for: nothing is reordered,
simplified or evaluated.
"""

import ast
import re
import symtable
import warnings
from collections.abc import Iterator
from functools import lru_cache

LONGEST = 65_536
"""Bytes of source; a longer program has no form (the sandbox does not run it either)."""

_LITERAL = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\b\d+(?:\.\d+)?\b""")


@lru_cache(maxsize=16_384)
def canonical(program: str) -> str | None:
    """The program with its locals renamed `v0`, `v1`, … in order of appearance, printed anew without comments and
    docstrings. None where it does not compile to symbols, is longer than `LONGEST`, or too deep to be printed."""
    if len(program.encode(errors="replace")) > LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd escapes in a sampled program are not ours to report
            tree = ast.parse(program)
            local, other = _names(symtable.symtable(program, "program", "exec"))
        keywords = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
        return ast.unparse(_Renamer(local - other - keywords, other | keywords).visit(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # ValueError: a NUL or a lone surrogate in the source, an integer too long to print


def form(program: str) -> str:
    """What a program is known by: its canonical form, or itself where it has none."""
    return canonical(program) or program


def shape(form: str) -> str:
    """The form with its literals left out: programs of one shape do the same with other words and numbers."""
    return _LITERAL.sub("_", form)


def _names(table: symtable.SymbolTable) -> tuple[set[str], set[str]]:
    """Names of a scope and those inside it: (variables of functions, all others).

    A name that is a global, a builtin or an attribute anywhere in the program is among the others even if it is also
    a variable: so each renamed name means a variable wherever it stands, and renaming it cannot change what a program
    does. Names of nested functions and imports stay too, being visible in messages and modules.
    """
    local: set[str] = set()
    other: set[str] = set()
    for symbol in table.get_symbols():
        name = symbol.get_name()
        variable = table.get_type() == "function" and not symbol.is_global()
        inherited = table.get_type() == "class" and symbol.is_free()
        named = symbol.is_imported() or symbol.is_namespace() or "__" in name  # a class mangles them
        (local if (variable or inherited) and not named else other).add(name)
    for child in table.get_children():
        deeper_local, deeper_other = _names(child)
        local |= deeper_local
        other |= deeper_other
    return local, other


class _Renamer(ast.NodeTransformer):
    """Renames `local` wherever it stands; `taken` are the names that the new ones must not meet."""

    def __init__(self, local: set[str], taken: set[str]) -> None:
        self._new: dict[str, str] = {}
        self._local = local
        self._prefix = "v"
        while any(re.fullmatch(rf"{self._prefix}\d+", name) for name in taken):
            self._prefix += "_"

    def _rename(self, name: str) -> str:
        if name not in self._local:
            return name
        return self._new.setdefault(name, f"{self._prefix}{len(self._new)}")

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                setattr(node, field, list(_without_literals(block)))
        # `name` is a handler's or a pattern's variable; that of a function, class or import is never among the locals.
        for field in ("id", "arg", "name", "rest"):
            name = getattr(node, field, None)
            if isinstance(name, str) and not isinstance(node, ast.keyword):
                setattr(node, field, self._rename(name))
        if isinstance(node, ast.Nonlocal):
            node.names = [self._rename(name) for name in node.names]
        return super().generic_visit(node)


def _without_literals(block: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that are not a lone literal (a docstring, `...`), which does nothing; `pass` if none is left."""
    spoken = [line for line in block if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))]
    yield from spoken or ([ast.Pass()] if block else [])
