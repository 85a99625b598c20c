"""Semantic codes and latents into mel: length regulator and flow matching."""
