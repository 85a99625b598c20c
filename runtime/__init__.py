"""The shed below the stages, a leaf: CUDA graphs, device capability, and ways to multiply matrices. Knows no speech."""
