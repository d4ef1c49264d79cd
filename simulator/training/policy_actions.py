"""The decisions of the simulated policy: five heads, each a short list of actions, sampled in this order.

A rollout is one action per head, rendered to text by `response_text`. A response type other than `attempt` ends the
sequence. To add a format, a style or an exploit, add its name here, its text in `answer_formats`, `answer_styles` or
`non_attempts`, and, if 0.0 is not right, its base logit in `profiles`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyHead:
    """One decision.

    Attributes:
        name: its key in the profiles and in the random keys of its noise.
        actions: its choices, in the order of their logits.
        logit_scale: how far one unit of weight moves a logit. It is small for content, because a right answer takes
            thousands of tokens and a format takes two. Calibrated on the published Bedrock and verl GSM8K curves.
        noise_std: standard deviation, in logits, of the fixed differences between prompts. Large for formats, so that
            greedy and sampled rewards are similar, as in verl's logs (validation .786, training .728).
    """

    name: str
    actions: tuple[str, ...]
    logit_scale: float
    noise_std: float


EXPLOITS = ("format_only", "enumerate", "keyword_stuffing", "judge_injection", "repeat", "empty_normalised")

RESPONSE_TYPE = PolicyHead(
    name="conduct",
    actions=("attempt", "refuse", "empty", "off_language", *EXPLOITS),
    logit_scale=0.8,
    noise_std=0.5,
)
VERBOSITY = PolicyHead(
    name="verbosity", actions=("terse", "brief", "normal", "long", "very_long"), logit_scale=0.5, noise_std=0.6
)
CONTENT = PolicyHead(
    name="content", actions=("correct", "near", "intermediate", "wrong"), logit_scale=0.15, noise_std=0.0
)
FORMAT = PolicyHead(
    name="format",
    actions=(
        "hash", "hash_no_space", "hash_newline", "sentence", "bold", "boxed", "json", "xml", "colon", "bare",
    ),
    logit_scale=1.0,
    noise_std=1.6,
)  # fmt: skip
# Named by their effect on a number; `answer_styles` has their effect on the other kinds of answer.
STYLE = PolicyHead(
    name="style",
    actions=("plain", "dollar", "comma", "decimal", "unit", "period", "fullwidth"),
    logit_scale=0.8,
    noise_std=1.1,
)

HEADS = (RESPONSE_TYPE, VERBOSITY, CONTENT, FORMAT, STYLE)

# Indices into the actions of RESPONSE_TYPE.
ATTEMPT = RESPONSE_TYPE.actions.index("attempt")
OFF_LANGUAGE = RESPONSE_TYPE.actions.index("off_language")

# The index of the sampled action in each head; only the response type if it is not `attempt`.
Actions = tuple[int, ...]


def response_type_of(actions: Actions) -> str:
    """Return the name of the response type, which is the first of the actions."""
    return RESPONSE_TYPE.actions[actions[0]]
