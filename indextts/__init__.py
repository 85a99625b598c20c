"""IndexTTS-2 as a pipeline: script and voices in, takes out. Knows no ComfyUI."""
