"""The styles of an answer: how the value itself is written."""

import json
from collections.abc import Callable, Mapping

from simulator.training.dataset import Json
from simulator.training.reference_answer import AnswerKind, ReferenceAnswer

_FULLWIDTH = {ord("0") + digit: 0xFF10 + digit for digit in range(10)}


def style_answer(reference: ReferenceAnswer, value: Json, style: str) -> str:
    """Return the text of a value in a style. The right value is written as the reference writes it."""
    plain_text = reference.text if value is reference.value and reference.kind != "none" else _as_text(value)
    if style == "plain":
        return plain_text
    return _STYLES[reference.kind][style](plain_text, value)


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _group_thousands(text: str, value: Json) -> str:
    return f"{value:,}" if isinstance(value, int | float) else text


def _add_decimals(text: str, value: Json) -> str:
    # Models write both one decimal and two.
    if isinstance(value, int) and abs(value) < 10**15:
        return f"{value:.2f}" if value % 2 else f"{value:.1f}"
    return text


def _fence(text: str, language: str = "") -> str:
    return f"```{language}\n{text}\n```"


_Style = Callable[[str, Json], str]
_NUMBER_STYLES: Mapping[str, _Style] = {
    "dollar": lambda text, _: f"${text.lstrip('$')}",
    "comma": _group_thousands,
    "decimal": _add_decimals,
    "unit": lambda text, _: f"{text} in total",
    "period": lambda text, _: f"{text}.",
    "fullwidth": lambda text, _: text.translate(_FULLWIDTH),
}
_LABEL_STYLES: Mapping[str, _Style] = {
    "dollar": lambda text, _: f'"{text}"',
    "comma": lambda text, _: text.upper(),
    "decimal": lambda text, _: text.lower(),
    "unit": lambda text, _: f"{text} (most likely)",
    "period": lambda text, _: f"{text}.",
    "fullwidth": lambda text, _: f"**{text}**",
}
_JSON_STYLES: Mapping[str, _Style] = {
    "dollar": lambda text, _: _fence(text, "json"),
    "comma": lambda text, _: f"{text[:-1]},{text[-1:]}",
    "decimal": lambda _, value: json.dumps(value, indent=2, ensure_ascii=False),
    "unit": lambda text, _: f"{text}\nLet me know if another field is needed.",
    "period": lambda text, _: text.replace('"', "'"),
    "fullwidth": lambda text, _: text[:-1],
}
_PROSE_STYLES: Mapping[str, _Style] = {
    "dollar": lambda text, _: _fence(text),
    "comma": lambda text, _: text.upper(),
    "decimal": lambda text, _: text,
    "unit": lambda text, _: f"{text}\n\nLet me know if more is needed.",
    "period": lambda text, _: f"{text} .",
    "fullwidth": lambda text, _: text,
}
_STYLES: Mapping[AnswerKind, Mapping[str, _Style]] = {
    "number": _NUMBER_STYLES,
    "none": _NUMBER_STYLES,
    "boolean": _LABEL_STYLES,
    "label": _LABEL_STYLES,
    "json": _JSON_STYLES,
    "code": _PROSE_STYLES,
    "text": _PROSE_STYLES,
}
