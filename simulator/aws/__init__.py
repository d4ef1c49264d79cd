"""The simulated AWS account: moto's services, IAM look-ups, Lambda functions and CloudWatch Logs.

    asgi_app -> account -> moto_app -> moto, within a context of the account's moto_state
                  |-> journal

Only this package imports moto. It does so inside functions, or in modules that only `moto_app` imports, because the
import takes about 0.5 s: importing this package is cheap. `functions`, `iam_identities`, `access_keys` and
`role_sessions` read moto's state in the active context.
"""
