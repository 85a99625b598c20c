"""What computes a decode step: plain torch, or captured CUDA graphs."""
