"""From files on disk to modules with weights: find, read, load strictly, fetch what is missing."""
