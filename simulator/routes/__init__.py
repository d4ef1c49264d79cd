"""The HTTP routes. A handler is a function from a request to a JSON value; every problem is raised as an ApiError."""
