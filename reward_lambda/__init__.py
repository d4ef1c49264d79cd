"""The reward function that `rft train` deploys by default. Copy this folder as the start of your own.

The folder is zipped and deployed with the handler `lambda_function.lambda_handler`. It needs only the standard library.
"""
