"""Responses of real models: sampled once from an OpenAI-compatible server, stored in a folder and read back."""
