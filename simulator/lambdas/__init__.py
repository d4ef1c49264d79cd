"""Runs deployed Lambda zips: warm worker processes under AWS's own runtime client, with Lambda's limits and logs.

What this is for is fidelity: a reward function meets the same handler loading, error payloads, time-outs,
memory kills, payload limits, import path and log lines as in the cloud. It is **not a security sandbox**: the
code runs as the user who started the simulator, and it can read that user's files and reach the network. Run
only functions that you would run yourself.

`pool.Pool` is the way in for the trainer, `invoke_app.InvokeApp` for a user's `boto3` `lambda.invoke`; both
end in the same workers. Nothing here knows where functions are stored.
"""
