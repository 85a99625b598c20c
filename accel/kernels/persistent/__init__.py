"""One decode step of a single row as a persistent megakernel: see README.md."""
