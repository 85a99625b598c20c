"""From logits to tokens: top-k, the draw, beam search."""
