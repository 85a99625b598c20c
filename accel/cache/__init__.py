"""The paged KV cache: block tables' pages, who owns them, how many there are."""
