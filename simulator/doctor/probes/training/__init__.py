"""The training probes T1 to T14: checks of simulated training runs on the function's rewards."""
