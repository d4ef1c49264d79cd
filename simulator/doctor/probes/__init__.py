"""The static and training probes of the doctor, and the registry that lists them in order."""
