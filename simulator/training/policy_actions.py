"""What the simulated policy can decide: five heads, each a short list of actions, drawn in this order.

A rollout is a handful of decision tokens, rendered to text by `rendering`. A conduct other than `attempt` ends the
sequence. To teach the policy a new house format or exploit, add its name here, its look in `rendering`, and, unless
0.0 will do, its base logit in `profiles`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyHead:
    """One decision.

    Attributes:
        name: what it is called in profiles.
        actions: its choices, in the order of their logits.
        logit_scale: how far one unit of weight moves a logit. Content is stiff, because being right takes thousands
            of tokens while a format takes two. Calibrated on the published Bedrock and verl GSM8K curves.
        noise_std: standard deviation, in logits, of the frozen differences between prompts. Large for formats, so that
            greedy and sampled rewards are alike, as they are in verl's logs (validation .786, training .728).
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
# Named by what they do to a number; `rendering` says what each does to the other kinds of answer.
STYLE = PolicyHead(
    name="style",
    actions=("plain", "dollar", "comma", "decimal", "unit", "period", "fullwidth"),
    logit_scale=0.8,
    noise_std=1.1,
)

HEADS = (RESPONSE_TYPE, VERBOSITY, CONTENT, FORMAT, STYLE)

ATTEMPT = RESPONSE_TYPE.actions.index("attempt")
OFF_LANGUAGE = RESPONSE_TYPE.actions.index("off_language")

# A rollout's decisions: the index of the action taken in each head, or the conduct alone if it was no attempt.
Actions = tuple[int, ...]


def response_type_of(actions: Actions) -> str:
    """Return the name of the conduct that these decisions start with."""
    return RESPONSE_TYPE.actions[actions[0]]
