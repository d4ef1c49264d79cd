"""The formats of an answer: the text around the value."""

import json
from collections.abc import Callable, Mapping

from simulator.training.dataset import Json
from simulator.training.response_template import ResponseTemplate
from simulator.training.task import Task

_WORK_IN_JSON = "I start by writing down what is known."
_NO_CALL = "None of the tools is needed."


def _format_as_json(task: Task, text: str) -> str:
    if task.reference.kind == "json":
        return text
    value: Json = text
    if task.reference.literal:
        try:
            value = json.loads(text)
        except ValueError:
            value = text  # a styled value such as "$72" is not a JSON number: quote it, as models do
    requested = task.requested_format
    work = {requested.work_key: _WORK_IN_JSON} if requested.work_key else {}
    return json.dumps({**work, requested.key: value}, ensure_ascii=False)


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
    """Return a styled answer in a format. The format that the prompt asks for is written as the prompt shows it."""
    requested = task.requested_format
    if name == requested.format and requested.template is not None and requested.template.has_answer_slot:
        return _fill_template(requested.template, text)
    if task.reference.kind in ("code", "text") and name not in (*_FORMATS_OF_LONG_ANSWERS, requested.format):
        return text
    if task.reference.kind == "json" and name == "sentence":
        return f"Here it is:\n{text}"
    return _FORMATS[name](task, text)


def _fill_template(template: ResponseTemplate, text: str) -> str:
    """Return an answer in its place. Each tool call of a list has a place of its own."""
    if template.is_repeated and text.lstrip().startswith("["):
        try:
            calls = json.loads(text)
        except ValueError:
            return template.write_answer(text)  # styled text that is no JSON, or a call in words
        return template.write_answer(*(json.dumps(call, ensure_ascii=False) for call in calls)) or _NO_CALL
    return template.write_answer(text)
