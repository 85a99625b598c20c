"""UnifiedVoice: the GPT that writes semantic codes."""
