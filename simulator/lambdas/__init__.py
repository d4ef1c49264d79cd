"""Runs deployed Lambda zips in warm worker processes under AWS's own runtime client, with Lambda's limits and logs.

The aim is fidelity: a reward function gets the same handler loading, error payloads, time-outs, memory kills, payload
limits, import path, file system and log lines as in the cloud. `isolation` has two implementations: `sandbox` with
namespaces, and `folder_isolation` where the system forbids them. This is **not a security sandbox**: the code shares
this machine's kernel and network. Run only functions that you would run yourself.

The trainer calls `pool.EnvironmentPool`; `invoke_app.InvokeApp` serves boto3's `lambda.invoke`. Both use the same
workers. Nothing here knows where functions are stored.
"""
