"""Triton kernels, each a checked wrapper beside its plain-torch twin."""
