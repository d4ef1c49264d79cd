"""The reward function that `rft train` deploys when none is named: copy this folder as your starting point.

The folder's files are zipped as they lie and deployed with the handler `lambda_function.lambda_handler`. Nothing
outside the standard library is needed.
"""
