"""Execution environments in Linux namespaces of their own, with the file system of AWS Lambda."""
