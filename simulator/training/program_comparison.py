"""Are two programs the same, as far as their text can tell? Nothing is run: the words may be anybody's."""

import ast
import re
import warnings
from typing import Final

_FIRST_LINE: Final = re.compile(r"(?m)^(?:def |class |import |from \w[\w.]* import |async def |@)")
_MOST_TRIMS: Final = 30


def extract_python(text: str) -> str:
    """Return the Python in a text that marks none: from where it begins, without the prose that may follow it."""
    first = _FIRST_LINE.search(text)
    lines = text[first.start() if first else 0 :].splitlines()
    for end in range(len(lines), max(0, len(lines) - _MOST_TRIMS), -1):
        if _normalized_tree(program := "\n".join(lines[:end])) is not None:
            return program
    return text


def is_same_program(candidate: str, reference: str) -> bool:
    """Compare two programs: Python by its syntax tree, any other language by its words.

    Layout, comments, docstrings, annotations and the names of arguments and local variables do not matter. Another
    way to the same result is another program.
    """
    one, other = _normalized_tree(candidate), _normalized_tree(reference)
    if one is None or other is None:
        return candidate.split() == reference.split()
    return one == other


def _normalized_tree(program: str) -> str | None:
    """Return a Python program without what does not matter, or None when it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an invalid escape in a string, say
            tree = ast.parse(program)
        return ast.dump(_TreeNormalizer().visit(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _TreeNormalizer(ast.NodeTransformer):
    """Takes docstrings and annotations out, and numbers the local names of each function in their order."""

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
        stripped = self.generic_visit(node)
        self._names = outer
        return stripped

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
