"""Execution environments in Linux namespaces of their own, with the file system of AWS Lambda.

`isolation` is what a pool uses. `launcher` starts the launcher process and talks to it; `launcher_main`, `root_folder`
and `kernel` run inside it and import the standard library only. `packages` keeps the unpacked packages.
"""
