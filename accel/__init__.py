"""A generic decoder-only engine: knows no TTS and no ComfyUI.

Requests go in, all at once; tokens come out as each is finished:

    engine.py     what a caller holds: options, the cache and the runner between runs
    batch.py      one run: admit, prefill, decode a few steps, look, answer
    look.py       what the host learns meanwhile       transfer.py  without waiting for more than it needs
    scheduler.py  who runs, who waits, who holds which page       (host only)
    kv_cache.py   pages, reference counts        pool.py  how many pages there are
    state.py      all that changes on the device
    step.py       the runner's interface and the plain torch runner; graph.py is the one for CUDA, out of
                  captured.py (whole steps) and prompt_graphs.py (a prompt)
    choose.py     logits to the next token, in place; sampling.py, beams.py, random.py are its pure functions
"""
