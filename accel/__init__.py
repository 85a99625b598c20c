"""A generic decoder-only engine: knows no TTS and no ComfyUI.

Requests go in, all at once; tokens come out as each is finished:

    engine.py     what a caller holds: options, the KV cache and the runner between runs
    batch.py      one run: admit, prefill, decode a few steps, read back, answer
    scheduler.py  who runs, who waits, who holds which page (host only)
    readback.py   copies between host and device that neither waits for
    state.py      all that changes on the device: block tables, lengths, tokens, beams
    next_token.py logits to the next token, in place
    cache/        the paged KV cache, its allocator, how many pages there are
    sampling/     repetition penalty, temperature, top-k, top-p, beam search, random numbers: pure functions
    runners/      prefill and decode step: the interface, plain torch, and CUDA graphs
    attention/    attention backends: triton, flash, sdpa
    kernels/      Triton kernels
"""
