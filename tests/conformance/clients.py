"""The clients under test: the environment, the settings and the steps of each."""

from dataclasses import dataclass, field
from typing import Final

from tests.conformance.environments import HERE, LITELLM, NEWEST, NODE, OLDEST, Environment

V1: Final = "/v1"
OPENAI_V1: Final = "/openai/v1"

MODELS: Final = ("models_list", "models_retrieve", "models_unknown")
UPLOADS: Final = ("files_upload_path", "files_upload_bytes", "files_upload_stream")
FILES: Final = (
    *UPLOADS,
    *("files_list", "files_retrieve", "files_content", "files_delete", "files_deleted", "files_wrong_purpose"),
)
JOBS: Final = (
    *("jobs_create", "jobs_list", "jobs_retrieve", "jobs_cancel", "jobs_cancel_again", "jobs_suffix"),
    *("jobs_unknown", "jobs_unknown_cursor", "jobs_finished"),
)
PROGRESS: Final = ("events_list", "checkpoints_list")
CHAT: Final = (
    *("chat_plain", "chat_reasoning", "chat_stream", "chat_stream_usage", "chat_stream_helper"),
    *("chat_tools", "chat_tools_stream", "chat_tools_answered", "chat_json_schema", "chat_json_object"),
    *("chat_unknown_model", "chat_zero_token_budget"),
)
RESPONSES: Final = (
    *("responses_create", "responses_retrieve", "responses_previous", "responses_tools", "responses_background"),
    *("responses_cancel", "responses_delete", "responses_too_few_tokens", "responses_of_qwen"),
)
STREAMS: Final = ("responses_stream", "responses_replay", "responses_stream_helper")
KEYS: Final = ("key_garbled", "key_altered")
PROJECTS: Final = ("projects_scope",)

ALL_STEPS: Final = (*MODELS, *FILES, *JOBS, *PROGRESS, *PROJECTS, *CHAT, *RESPONSES, *STREAMS, *KEYS)
# What the SDK's Bedrock clients reach with their default base URL.
INFERENCE: Final = (*MODELS, "files_under_openai_v1", *CHAT, *RESPONSES, *STREAMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One client.

    Attributes:
        name: the name in test ids.
        environment: the environment that it runs in.
        kind: which of the SDK's clients its program creates.
        steps: the names of its steps, in order.
        language: Python or Node.
        program: the name of its program in that language.
        base: the path of its base URL.
        variables: additional environment variables.
    """

    name: str
    environment: Environment
    kind: str
    steps: tuple[str, ...]
    language: str = "Python"
    program: str = "openai_program"
    base: str = V1
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def command(self) -> tuple[str, ...]:
        """The command line of the program without its argument."""
        if self.language == "Node":
            return ("node", "--no-warnings", str(HERE / "node" / f"{self.program}.mjs"))
        return (str(self.environment.python), "-m", f"tests.conformance.{self.program}")


def _python(name: str, environment: Environment, kind: str, *steps: str, base: str = V1) -> Client:
    return Client(name=name, environment=environment, kind=kind, steps=steps, base=base)


def _node(name: str, package: str, *steps: str) -> Client:
    return Client(name=name, environment=NODE, kind=package, steps=steps, language="Node")


# Strict validation refuses the Lambda grader and Mantle's order of Responses events, which the SDK does not know.
_STRICT_STEPS: Final = (*MODELS, *FILES, *PROGRESS, *CHAT, *RESPONSES)

CLIENTS: Final = (
    _python("OpenAI 2.21.0", OLDEST, "plain", *ALL_STEPS),
    _python("AsyncOpenAI 2.21.0", OLDEST, "async", *ALL_STEPS),
    _python("OpenAI 2.21.0, callable key", OLDEST, "callable key", *MODELS, *UPLOADS, "chat_plain"),
    _python("OpenAI", NEWEST, "plain", *ALL_STEPS),
    _python("AsyncOpenAI", NEWEST, "async", *ALL_STEPS),
    _python("OpenAI, callable key", NEWEST, "callable key", *MODELS, *UPLOADS, "chat_plain"),
    _python("OpenAI, strict", NEWEST, "strict", *_STRICT_STEPS),
    _python("BedrockOpenAI, bearer", NEWEST, "bedrock bearer", *INFERENCE, base=OPENAI_V1),
    _python("BedrockOpenAI, SigV4", NEWEST, "bedrock sigv4", *INFERENCE, base=OPENAI_V1),
    _python("AsyncBedrockOpenAI, SigV4", NEWEST, "async bedrock sigv4", *INFERENCE, base=OPENAI_V1),
    _python("bedrock(), bearer", NEWEST, "provider bearer", *INFERENCE, base=OPENAI_V1),
    _python("bedrock(), SigV4", NEWEST, "provider sigv4", *INFERENCE, base=OPENAI_V1),
    # The SDK cannot sign an upload, but it can sign JSON requests, here under /v1.
    _python(
        "BedrockOpenAI, SigV4, /v1",
        NEWEST,
        "bedrock sigv4",
        *("jobs_unknown", "jobs_finished", *PROGRESS),
    ),
    Client(
        name="OPENAI_API_TYPE",
        environment=NEWEST,
        kind="module",
        steps=(*MODELS, "files_under_openai_v1", "chat_plain", "chat_stream", "responses_create", "responses_stream"),
        base=OPENAI_V1,
        variables={"OPENAI_API_TYPE": "amazon-bedrock"},
    ),
    _node("Node 6.49.0", "openai-6", *ALL_STEPS),
    _node("Node", "openai", *ALL_STEPS),
)

# For a server that sends events in the order of the OpenAI specification, which every SDK accepts.
SPECIFICATION_ORDER_CLIENTS: Final = (
    _python("OpenAI 2.21.0", OLDEST, "plain", *STREAMS),
    _python("OpenAI, strict", NEWEST, "strict", *STREAMS),
    _node("Node 6.49.0", "openai-6", *STREAMS),
    _node("Node", "openai", *STREAMS),
)

LITELLM_CLIENT: Final = Client(
    name="litellm",
    environment=LITELLM,
    kind="bedrock_mantle",
    steps=(
        *("chat_plain", "chat_stream", "chat_async", "chat_tools", "chat_unknown_model"),
        *("responses_emulated", "responses_create", "responses_stream"),
        *("signed_chat", "signed_stream", "signed_responses"),
        *("files_all", "jobs_list", "jobs_retrieve", "jobs_create"),
    ),
    program="litellm_program",
)
