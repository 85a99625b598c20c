"""The ComfyUI side: the only package that imports comfy."""
