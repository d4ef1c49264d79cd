"""Answers requests to models, for all APIs: the model catalogue, the inference itself and its replies."""
