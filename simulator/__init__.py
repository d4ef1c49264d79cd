"""An offline simulator of Amazon Bedrock reinforcement fine-tuning."""
