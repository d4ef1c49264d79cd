"""Real model outputs: asked once of any OpenAI-compatible server (`sampling`), kept on disk and read back (`cache`)."""
