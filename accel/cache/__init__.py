"""The paged KV cache: its pages, who owns them, how many there are."""
