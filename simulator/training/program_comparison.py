"""Compares two programs by their text. Nothing is run, because the text is not trusted."""

import ast
import re
import warnings
from typing import Final

_FIRST_LINE: Final = re.compile(r"(?m)^(?:def |class |import |from \w[\w.]* import |async def |@)")
_MAX_TRAILING_LINES: Final = 30


def extract_python(text: str) -> str:
    """Return the Python program in a text without code fences, without prose before and after it."""
    first = _FIRST_LINE.search(text)
    lines = text[first.start() if first else 0 :].splitlines()
    for end in range(len(lines), max(0, len(lines) - _MAX_TRAILING_LINES), -1):
        if _normalize_tree(program := "\n".join(lines[:end])) is not None:
            return program
    return text


def is_same_program(candidate: str, reference: str) -> bool:
    """Return whether two programs are equal: for Python the syntax trees, for other languages the words.

    Layout, comments, docstrings, annotations and the names of arguments and local variables do not matter. A different
    algorithm with the same result is a different program.
    """
    candidate_tree, reference_tree = _normalize_tree(candidate), _normalize_tree(reference)
    if candidate_tree is None or reference_tree is None:
        return candidate.split() == reference.split()
    return candidate_tree == reference_tree


def _normalize_tree(program: str) -> str | None:
    """Return the normalized syntax tree of a Python program as text, or None if it is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as for an invalid escape in a string
            tree = ast.parse(program)
        return ast.dump(_TreeNormalizer().visit(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _TreeNormalizer(ast.NodeTransformer):
    """Removes docstrings and annotations, and numbers the local names of each function in their order."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outer, self._names = self._names, dict(self._names)
        for inner in ast.walk(node):
            if isinstance(inner, ast.arg):
                self._assign_local_name(inner.arg)
            elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                self._assign_local_name(inner.id)
        node.returns = None
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        normalized = self.generic_visit(node)
        self._names = outer
        return normalized

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        node.arg = self._names.get(node.arg, node.arg)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return self.generic_visit(node)
        return self.generic_visit(ast.Assign(targets=[node.target], value=node.value))

    def _assign_local_name(self, name: str) -> None:
        self._names.setdefault(name, f"local{len(self._names)}")
