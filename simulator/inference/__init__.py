"""What a model answers, whatever API it is asked by: `models` finds the weights, `replies` composes the answer."""
