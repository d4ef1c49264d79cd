"""The Responses API's own rules: conversations that go on (`conversation`), and a response's life (`lifecycle`)."""
