"""Storage: job logs, files, models, projects, responses and requests to AWS, in SQLite and a folder of blobs."""
