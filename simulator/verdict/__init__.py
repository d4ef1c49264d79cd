"""The verdict on clients: which mistakes their requests to the OpenAI-compatible API show.

request -> `AuditMiddleware` -> `ExchangeRecorder` -> `Exchange` -> `Auditor` -> every rule -> `Verdict` -> report
"""
