"""The offline stand-in for Amazon Bedrock reinforcement fine-tuning: one port, one log, no cloud."""
