"""Authentication and authorization: API keys, SigV4 signatures, IAM policies and projects."""
