"""The fine-tuning job: states and log (`job`), story (`life`), a story under way (`run`), the one writer (`engine`)."""
