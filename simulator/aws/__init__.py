"""The only room that imports moto: the AWS services around the simulator, the functions stored there, logs and IAM.

    app -> account -> mount -> moto, in a turn of the account's world
              |-> journal

moto is imported inside functions, or by modules that only `mount` imports, because that takes a good part of a second:
importing this package costs nothing. What reads moto's state (`functions`, `iam`, `access_keys`, `sessions`) reads that
of the turn that is taken.
"""
