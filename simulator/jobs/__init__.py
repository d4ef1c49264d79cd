"""The fine-tuning job: its states and log (`job`), its story (`life`), and the one writer that runs it (`engine`)."""
