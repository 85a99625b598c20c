"""Linear layers with what is fused into them: GEMV, GEMM, split-K, LayerNorm."""
