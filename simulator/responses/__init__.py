"""The Responses API: its operations, and conversations over several responses."""
