"""GPUs that need not be there, by what is known of them."""

from indextts2_multitalk.runtime.card import Card

TURING = Card("NVIDIA GeForce RTX 2080 Ti", (7, 5), 68, 65536, 616e9)
A100 = Card("NVIDIA A100-SXM4-80GB", (8, 0), 108, 166912, 2039e9)
RTX_3060 = Card("NVIDIA GeForce RTX 3060", (8, 6), 28, 101376, 360e9)
RTX_3090 = Card("NVIDIA GeForce RTX 3090", (8, 6), 82, 101376, 936e9)
RTX_4060 = Card("NVIDIA GeForce RTX 4060", (8, 9), 24, 101376, 272e9)
RTX_4090 = Card("NVIDIA GeForce RTX 4090", (8, 9), 128, 101376, 1008e9)
H100 = Card("NVIDIA H100 PCIe", (9, 0), 114, 232448, 2039e9)
H200 = Card("NVIDIA H200", (9, 0), 132, 232448, 4.8e12)
B200 = Card("NVIDIA B200", (10, 0), 148, 232448, 8e12)
RTX_5090 = Card("NVIDIA GeForce RTX 5090", (12, 0), 170, 101376, 1792e9)

CARDS = TURING, A100, RTX_3060, RTX_3090, RTX_4060, RTX_4090, H100, H200, B200, RTX_5090
