"""The HTTP routes: request to room to wire, a few lines each. Whatever goes wrong is raised as an ApiError."""
