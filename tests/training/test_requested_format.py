"""The answer format that a prompt asks for."""

import pytest

from simulator.training.requested_format import RequestedFormat, find_requested_format
from simulator.training.response_template import ResponseTemplate


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ('output the final answer after "####".', RequestedFormat(format="hash")),
        ("Put it in \\boxed{}.", RequestedFormat(format="boxed")),
        ('Reply as JSON: {"label": "..."}', RequestedFormat(format="json", key="label")),
        ("Wrap it in <answer></answer>.", RequestedFormat(format="xml")),
        ("End with Final Answer: and the number", RequestedFormat(format="colon", marker="Final Answer:")),
        ("Answer with only the label.", RequestedFormat(format="bare")),
        ("Write a poem.", RequestedFormat(format="none")),
        ('End with the sentence "The answer is X."', RequestedFormat(format="colon", marker="The answer is")),
        ('Close with a line "Pick: " and the letter.', RequestedFormat(format="colon", marker="Pick:")),
        ("The last line has the form 'Answer: $LETTER'.", RequestedFormat(format="colon", marker="Answer:")),
        ('Answer in the form "Mood: cheerful".', RequestedFormat(format="colon", marker="Mood:")),
        ('Write the total after "=>".', RequestedFormat(format="colon", marker="=>")),
        ('Return JSON with the key "town".', RequestedFormat(format="json", key="town")),
        (
            'Respond with {"reasoning": "...", "answer": "..."}.',
            RequestedFormat(format="json", key="answer", work_key="reasoning"),
        ),
    ],
)
def test_the_requested_format_is_found_in_the_prompt(prompt: str, expected: RequestedFormat) -> None:
    """With the marker or the key as it is spelled, because strict reward functions need exactly that."""
    assert find_requested_format(prompt) == expected


@pytest.mark.parametrize(
    "prompt",
    [
        "Answer with a single word.",
        "Reply with one letter.",
        "Give the level only.",
        "Reply with one SELECT statement and nothing else.",
        "Answer yes or no.",
        "Answer A, B, C or D.",
        "Respond with one of: low, high.",
        "Output just the final integer.",
        "Which team handles this JSON document? Answer with a single word.",
        'What does the JSON {"a": 1} describe? Answer with one word.',
        "Do not use \\boxed{}. Answer with one letter.",
        "Which river is it? Answer with one word.\n\nAnswer:",
        "#### Task\nName the river. Reply with one word.",
        "Read <note>He came at <b>noon</b>.</note> Answer with one word.",
        "Notes arrive as JSON or as text. Answer with a single word.",
    ],
)
def test_a_request_for_the_answer_alone_is_found_beside_other_signs(prompt: str) -> None:
    """JSON, tags, headings and a cue at the end belong to the question, and say nothing of the answer."""
    assert find_requested_format(prompt).format == "bare"


@pytest.mark.parametrize(
    "prompt",
    [
        "Find the only integer n whose square is 9.",
        "Tom bought one single pear and nothing else. What did he pay?",
        "What is wrong with this JSON file?",
        "If the answer is no, say why.",
        "The page has the tags <summary></summary>. What do they mean?",
        "Read this code:\n```python\npass\n```\nIs it right?",
        "The facts are given in <facts></facts> tags. Say how many there are.",
        "List the towns in <letter>We left Graz for Lima.</letter>",
    ],
)
def test_words_of_the_question_are_no_request(prompt: str) -> None:
    """A format that the prompt does not ask for would make right answers look wrong."""
    assert find_requested_format(prompt) == RequestedFormat(key=find_requested_format(prompt).key)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (
            "Answer in this form:\n<reasoning>\nyour steps\n</reasoning>\n<answer>\nthe number\n</answer>",
            ResponseTemplate(
                before_work="<reasoning>\n",
                after_work="\n</reasoning>\n",
                before_answer="<answer>\n",
                after_answer="\n</answer>",
            ),
        ),
        (
            (
                "The work is in <think> </think> and the result in <answer> </answer> tags, as in "
                "<think> the work </think> <answer> the result </answer>."
            ),
            ResponseTemplate(
                before_work="<think> ", after_work=" </think> ", before_answer="<answer> ", after_answer=" </answer>"
            ),
        ),
        (
            "Give an expression in <answer> </answer> tags, such as <answer> (2 + 3) * 4 </answer>.",
            ResponseTemplate(before_answer="<answer> ", after_answer=" </answer>"),
        ),
        (
            "<reply>\n<thinking>your steps</thinking>\n<label>the label</label>\n</reply>",
            ResponseTemplate(
                before_work="<reply>\n<thinking>",
                after_work="</thinking>\n",
                before_answer="<label>",
                after_answer="</label>\n</reply>",
            ),
        ),
        (
            "<analysis>...</analysis>\n<answer>...</answer>\n<confidence>...</confidence>",
            ResponseTemplate(
                before_work="<analysis>",
                after_work="</analysis>\n",
                before_answer="<answer>",
                after_answer="</answer>\n<confidence>0.9</confidence>",
            ),
        ),
        (
            'Write each call as <tool_call>{"name": ..., "arguments": {...}}</tool_call>.',
            ResponseTemplate(before_answer="<tool_call>", after_answer="</tool_call>", is_repeated=True),
        ),
        (
            "Put the query in <sql></sql> tags.",
            ResponseTemplate(before_answer="<sql>", after_answer="</sql>"),
        ),
        (
            "List the towns as a JSON list inside <towns></towns> tags.",
            ResponseTemplate(before_answer="<towns>", after_answer="</towns>"),
        ),
        (
            'Answer as <result>{"label": "..."}</result>',
            ResponseTemplate(before_answer='<result>{"label": "', after_answer='"}</result>'),
        ),
        (
            "State the winner as [[A]] or [[B]].",
            ResponseTemplate(before_answer="[[", after_answer="]]"),
        ),
        (
            "Put the function between ``` and ```.",
            ResponseTemplate(before_answer="```\n", after_answer="\n```"),
        ),
        (
            "Give the output between [ANSWER] and [/ANSWER] tags.",
            ResponseTemplate(before_answer="[ANSWER]", after_answer="[/ANSWER]"),
        ),
        (
            "Put \\boxed{...} inside the <answer>...</answer> tags.",
            ResponseTemplate(before_answer="<answer>\\boxed{", after_answer="}</answer>"),
        ),
        (
            "Give the whole function in one ```python block.",
            ResponseTemplate(before_answer="```python\n", after_answer="\n```"),
        ),
    ],
)
def test_a_template_is_found_with_its_spaces_and_new_lines(prompt: str, expected: ResponseTemplate) -> None:
    """An example inside a pair of tags shows its place; the tags around and between are kept as the prompt has them."""
    assert find_requested_format(prompt) == RequestedFormat(
        format="xml", key=find_requested_format(prompt).key, template=expected
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        " \n" * 50_000,
        "<a>" * 50_000,
        "return json as json in " * 8_000,
        "give only the " * 10_000,
        '"Answer: ' * 20_000,
    ],
    ids=["blanks", "tags", "json", "only", "quotes"],
)
def test_a_request_at_the_end_of_a_long_prompt_is_found(text: str) -> None:
    """Each of these texts could make a pattern run for minutes, so that only the ends are searched."""
    assert find_requested_format(f"{text}\nPut it in <answer></answer>.").format == "xml"


def test_work_may_have_a_place_before_an_answer_in_another_format() -> None:
    """As reasoning models are asked: tags for the work, a box for the answer."""
    assert find_requested_format("Think in <think></think> tags, then put the answer in \\boxed{}.") == RequestedFormat(
        format="boxed", template=ResponseTemplate(before_work="<think>", after_work="</think>\n")
    )


def test_labelled_lines_are_a_template() -> None:
    """The work and the answer each follow their label."""
    assert find_requested_format("Use this form:\nReasoning: <your steps>\nVerdict: <the label>") == RequestedFormat(
        format="colon",
        marker="Verdict:",
        template=ResponseTemplate(before_work="Reasoning: ", after_work="\n", before_answer="Verdict: "),
    )


def test_the_brackets_around_a_letter_belong_to_the_marker() -> None:
    """As in "the answer is (X)"."""
    prompt = 'Finish with "the answer is (X)", where X is the letter.'
    assert find_requested_format(prompt) == RequestedFormat(
        format="colon",
        marker="the answer is",
        template=ResponseTemplate(before_answer="the answer is (", after_answer=")"),
    )


@pytest.mark.parametrize(("kind", "expected"), [("code", "xml"), ("number", "bare")])
def test_only_long_answers_go_into_a_code_block(kind: str, expected: str) -> None:
    """A prompt may show a program in a block and ask for a number."""
    prompt = "What does the program in the ```python block print? Reply with one number."
    assert find_requested_format(prompt, kind=kind).format == expected


@pytest.mark.parametrize(("kind", "expected"), [("label", "bare"), ("number", "none")])
def test_a_short_answer_follows_a_cue_at_the_end(kind: str, expected: str) -> None:
    """The answer continues the prompt's last line. Work may come before a number."""
    assert find_requested_format("Which town is it?\nAnswer:", kind=kind).format == expected
