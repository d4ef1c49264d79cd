"""The commands that steer a running simulator: each asks its control plane, `/_simulator`, and shows the answer."""
