"""What scripts/bench and scripts/gpu_check are made of. Python's standard library alone."""
