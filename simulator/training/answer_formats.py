"""The formats of an answer: the text around the value."""

import json
from collections.abc import Callable, Mapping

from simulator.training.dataset import Json
from simulator.training.task import Task


def _format_as_json(task: Task, text: str) -> str:
    if task.reference.kind == "json":
        return text
    value: Json = text
    if task.reference.literal:
        try:
            value = json.loads(text)
        except ValueError:
            value = text  # a styled value such as "$72" is not a JSON number: quote it, as models do
    return json.dumps({task.requested_format.key: value}, ensure_ascii=False)


_Format = Callable[[Task, str], str]
_FORMATS: Mapping[str, _Format] = {
    "hash": lambda _, text: f"#### {text}",
    "hash_no_space": lambda _, text: f"The answer is ####{text}",
    "hash_newline": lambda _, text: f"####\n{text}",
    "sentence": lambda _, text: f"The answer is {text}.",
    "bold": lambda _, text: f"So the answer is **{text}**.",
    "boxed": lambda _, text: f"\\boxed{{{text}}}",
    "json": _format_as_json,
    "xml": lambda _, text: f"<answer>{text}</answer>",
    "colon": lambda task, text: f"{task.requested_format.marker} {text}",
    "bare": lambda _, text: text,
}
# Programs and paragraphs are not put in bold or into a sentence.
_FORMATS_OF_LONG_ANSWERS = frozenset({"hash", "json", "xml", "colon"})


def format_answer(task: Task, text: str, name: str) -> str:
    """Return a styled answer in a format."""
    if task.reference.kind in ("code", "text") and name not in _FORMATS_OF_LONG_ANSWERS:
        return text
    if task.reference.kind == "json" and name == "sentence":
        return f"Here it is:\n{text}"
    return _FORMATS[name](task, text)
