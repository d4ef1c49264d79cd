"""The only room that imports moto: the AWS services around the simulator, the functions stored there, logs and IAM.

moto is imported inside functions, or by modules that only `mount` imports, because that takes a good part of a second:
importing this package costs nothing.
moto's state belongs to the process, not to a mount; `mount.AwsMount.reset` empties it.
"""
