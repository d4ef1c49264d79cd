"""What every HTTP app of the simulator uses: ASGI types, connection limits, origin check, request log."""
