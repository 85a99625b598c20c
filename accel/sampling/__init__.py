"""From logits to tokens: repetition penalty, temperature, top-k, top-p, beam search, counter-based random numbers."""
