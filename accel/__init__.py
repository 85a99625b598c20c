"""A generic decoder-only engine: knows no TTS and no ComfyUI."""
