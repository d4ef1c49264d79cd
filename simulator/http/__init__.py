"""What every HTTP application of the simulator uses: ASGI types, connection limits, origin check, request log."""
