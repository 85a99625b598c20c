"""Persistent megakernel: one decode step of a single row in one launch.

A step is a chain of five short phases a layer: qkv, attention, out, fc, proj. With a launch for each, memory rests
while one ends and the next begins. Here every program owns the same rows of every matrix, and they come in one stream
through the whole step, some tiles ahead of their use, whatever phase those belong to. Only the numbers that phases hand
each other are waited for (mailbox.py): programs send their outputs as words, and who needs them waits for just these. A
few programs of their own have attention, and most of a context in registers before its query arrives.

The residual stream is in every program's registers: out and proj send what they add to it. No word is written over
before all have read it: who sends it again has, through the phases between, heard from everyone who read it.

Dimensions: D width, H heads, W head width, N outputs, C chunks of D, A * 4 rows of a tile. A row is D weights that
belong to one output; an output of proj has four.
The mailbox, by D: 0 what out adds [D], 1 what proj adds [D], 2 query, key, value [3 D], 5 what attention found [D],
6 fc's outputs [4 D].
"""

import triton
import triton.language as tl

from ..attention.online_softmax import attend_cached, kv_offset, load_kv_tiles, merge_new_token
from ..linear.gemv import tanh_gelu
from ..linear.int8_weights import UP
from ..pdl import CACHE_LINE_BYTES, l2_prefetch
from .mailbox import mailbox_store, mailbox_wait
from .tiles import (
    FIRST_BIAS,
    SCALES,
    VECTORS,
    add_chunks,
    broadcast_like,
    convert_tile,
    embed_token,
    load_biases,
    load_tile,
    load_vector_chunks,
    multiply_tile,
    normalize_stream,
    select_by_matrix,
    store_stream,
    tile_rows,
    work_item,
)


@triton.jit
def _run_matrix_phases(program, now, tokens, steps, token_embedding, position_embedding, matrices, offsets, vectors,
                       scales, eps, mailbox, streams, first_position, last_position, first_item, last_item,
                       A: tl.constexpr, K: tl.constexpr, COUNT: tl.constexpr, CHUNK: tl.constexpr,
                       EACH_D: tl.constexpr, EACH_FC: tl.constexpr, QKV: tl.constexpr, OUT: tl.constexpr,
                       FC: tl.constexpr, PROJ: tl.constexpr, MOST: tl.constexpr, STAGES: tl.constexpr,
                       WAIT: tl.constexpr, WAIT_4: tl.constexpr, HALF: tl.constexpr, PTX: tl.constexpr):  # fmt: skip
    """All matrices' tiles of this program, one after the other. Returns the stream."""
    NUMBER: tl.constexpr = token_embedding.dtype.element_ty
    k = tl.arange(0, CHUNK)
    x = embed_token(tokens, steps, token_embedding, position_embedding, first_position, last_position, K, COUNT, CHUNK)
    if WAIT is None and first_item > 0:
        x = load_vector_chunks(streams, COUNT, CHUNK)
    y = ()
    for _ in tl.static_range(COUNT):
        y += (tl.zeros([A, 4, CHUNK], NUMBER),)
    biases = ()
    for _ in tl.static_range(MOST):
        biases += (tl.zeros([A, 4], tl.float32),)
    factors = biases
    count = first_item
    for i in tl.range(first_item, last_item, num_stages=STAGES):
        layer, kind, tile = work_item(i, QKV, OUT, FC, PROJ)
        row, inside = tile_rows(program, kind, tile, A, K, EACH_D, EACH_FC, OUT)
        w = load_tile(matrices + tl.multiple_of(tl.load(offsets + layer * 4 + kind), 16), row, inside, K, COUNT, CHUNK)
        w = convert_tile(w, scales, NUMBER, COUNT, PTX)
        # Counted once more, so that nothing but weights is carried from stage to stage.
        layer, kind, tile = work_item(count, QKV, OUT, FC, PROJ)
        row, inside = tile_rows(program, kind, tile, A, K, EACH_D, EACH_FC, OUT)
        count += 1
        flag = now + layer
        if tile == 0:
            vector = vectors + layer * (VECTORS * K)
            biases = load_biases(vector, program, kind, A, K, EACH_D, EACH_FC, OUT, MOST)
            if scales is not None:
                first = scales + (layer * SCALES - FIRST_BIAS) * K
                factors = load_biases(first, program, kind, A, K, EACH_D, EACH_FC, OUT, MOST)
            if kind % 2 == 0:
                gain = load_vector_chunks(vector + kind * K, COUNT, CHUNK)
                shift = load_vector_chunks(vector + (kind + 1) * K, COUNT, CHUNK)
                if (kind == 2) | (layer > 0):
                    added = mailbox_wait(mailbox + tl.where(kind == 2, 0, K) + k, flag, COUNT, CHUNK, WAIT)
                    x = add_chunks(x, added, COUNT)
                normed = normalize_stream(x, gain, shift, eps, K, COUNT)
                y = broadcast_like(normed, w, COUNT)
            elif kind == 1:
                attended = mailbox_wait(mailbox + 5 * K + k, flag, COUNT, CHUNK, WAIT)
                y = broadcast_like(attended, w, COUNT)
            else:
                fours = mailbox + 6 * K + tl.arange(0, 4)[:, None] * K + k[None, :]
                hidden = mailbox_wait(fours, flag, COUNT, CHUNK, WAIT_4)
                y = broadcast_like(hidden, w, COUNT)
        bias = biases[0]
        for t in tl.static_range(1, MOST):
            bias = tl.where(tile == t, biases[t], bias)
        value = multiply_tile(w, y, COUNT, HALF)
        if kind == 3:
            # All four rows of an output have it then, and send the same.
            value = tl.broadcast_to(tl.sum(value, axis=1)[:, None], [A, 4])
        if scales is not None:
            factor = factors[0]
            for t in tl.static_range(1, MOST):
                factor = tl.where(tile == t, factors[t], factor)
            value *= factor * UP
        value += bias
        if kind == 2:
            value = tanh_gelu(value)
        into = mailbox + select_by_matrix(kind, 2, 0, 6, 1) * K + tl.where(kind == 3, row // 4, row)
        mailbox_store(into, value, tl.where(kind == 3, flag + 1, flag), inside, WAIT is not None)
    if WAIT is None:
        store_stream(x, streams + K, COUNT, CHUNK)
    return x


@triton.jit
def _run_head_phase(x, program, flag, mailbox, weight, bias, first_gain, first_shift, gain, shift, first_eps, eps,
                    logits, outputs, A: tl.constexpr, K: tl.constexpr, COUNT: tl.constexpr, CHUNK: tl.constexpr,
                    EACH: tl.constexpr, NORMS: tl.constexpr, STAGES: tl.constexpr, WAIT: tl.constexpr,
                    HALF: tl.constexpr):  # fmt: skip
    """Logits [V] of the stream, once it is complete."""
    g, s = load_vector_chunks(gain, COUNT, CHUNK), load_vector_chunks(shift, COUNT, CHUNK)
    first_g, first_s = load_vector_chunks(first_gain, COUNT, CHUNK), load_vector_chunks(first_shift, COUNT, CHUNK)
    x = add_chunks(x, mailbox_wait(mailbox + K + tl.arange(0, CHUNK), flag, COUNT, CHUNK, WAIT), COUNT)
    if NORMS > 1:
        x = normalize_stream(x, first_g, first_s, first_eps, K, COUNT)
    x = normalize_stream(x, g, s, eps, K, COUNT)
    y = ()
    for _ in tl.static_range(COUNT):
        y += (tl.zeros([A, 4, CHUNK], weight.dtype.element_ty),)
    for tile in tl.range(0, (EACH + 4 * A - 1) // (4 * A), num_stages=STAGES):
        row = program * EACH + tile * (4 * A) + tl.arange(0, A)[:, None] * 4 + tl.arange(0, 4)[None, :]
        inside = row < tl.minimum(program * EACH + EACH, outputs)
        w = load_tile(weight, row, inside, K, COUNT, CHUNK)
        biases = tl.load(bias + row, mask=inside, other=0.0).to(tl.float32)
        if tile == 0:
            y = broadcast_like(x, w, COUNT)
        tl.store(logits + row, multiply_tile(w, y, COUNT, HALF) + biases, mask=inside)


@triton.jit
def _run_attention_phase(head, mailbox, key_pages, value_pages, table, length, columns, scale, flag, K: tl.constexpr,
                         HEADS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr, TOKENS: tl.constexpr,
                         RESIDENT: tl.constexpr, WAIT: tl.constexpr, WAIT_2: tl.constexpr):  # fmt: skip
    """A head over the context and the new token, which is stored."""
    d = tl.arange(0, WIDTH)
    k = load_kv_tiles(key_pages, table, 0, length, head, HEADS, WIDTH, PAGE, TOKENS, RESIDENT)
    v = load_kv_tiles(value_pages, table, 0, length, head, HEADS, WIDTH, PAGE, TOKENS, RESIDENT)
    place = kv_offset(table, tl.minimum(length, columns * PAGE - 1), head, HEADS, WIDTH, PAGE) + d
    mine = mailbox + 2 * K + head * WIDTH + d
    q = mailbox_wait(mine, flag, 1, K, WAIT)[0] * scale
    top, mass, acc = attend_cached(
        q, k, v, key_pages, value_pages, table, 0, length, head, HEADS, WIDTH, PAGE, TOKENS, RESIDENT
    )
    # The new token's own come a little later than the queries.
    new_key, new_value = mailbox_wait(mine + K, flag, 2, K, WAIT_2)
    new_key, new_value = new_key.to(key_pages.dtype.element_ty), new_value.to(value_pages.dtype.element_ty)
    score = tl.sum(q * new_key.to(tl.float32), axis=0)
    result, _ = merge_new_token(top, mass, acc, score, new_value.to(tl.float32))
    mailbox_store(mailbox + 5 * K + head * WIDTH + d, result, flag, d < WIDTH, WAIT is not None)
    tl.store(key_pages + place, new_key)
    tl.store(value_pages + place, new_value)


@triton.jit
def _prefetch_vectors(vectors, layer, program, K: tl.constexpr, CHUNK: tl.constexpr):
    """A layer's vectors on their way to the L2 cache."""
    LINE: tl.constexpr = CACHE_LINE_BYTES // 4
    at = (program * CHUNK + tl.arange(0, CHUNK)) * LINE
    l2_prefetch(vectors + layer * (VECTORS * K) + tl.minimum(at, VECTORS * K - 1))


@triton.jit
def decode_megakernel(tokens, steps, lengths, table, token_embedding, position_embedding, matrices, offsets, vectors,
                      scales, head_weight, head_bias, first_gain, first_shift, gain, shift, first_eps, head_eps, eps,
                      key_pages, value_pages, mailbox, streams, logits, epoch, first_item, last_item, first_layer,
                      last_layer, layers, layer_stride, columns, first_position, last_position, scale, vocabulary,
                      matrix_programs, A: tl.constexpr, K: tl.constexpr, COUNT: tl.constexpr, CHUNK: tl.constexpr,
                      EACH_D: tl.constexpr, EACH_FC: tl.constexpr, EACH_V: tl.constexpr, QKV: tl.constexpr,
                      OUT: tl.constexpr, FC: tl.constexpr, PROJ: tl.constexpr, MOST: tl.constexpr, NORMS: tl.constexpr,
                      HEADS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr, TOKENS: tl.constexpr,
                      RESIDENT: tl.constexpr, STAGES: tl.constexpr, HEAD: tl.constexpr, HALF: tl.constexpr,
                      PTX: tl.constexpr, WAIT: tl.constexpr, WAIT_4: tl.constexpr, WAIT_1: tl.constexpr,
                      WAIT_2: tl.constexpr):  # fmt: skip
    """All of a step, or its work items and layers from first to last. WAIT …: of `mailbox_wait_ptx`, for a vector's
    chunks, for four vectors', for one number and for two of each thread; None where launches follow each other."""
    # As many bytes of the head's weights under way as of 8 bits.
    HEAD_STAGES: tl.constexpr = STAGES if scales is None else STAGES // 2
    program = tl.program_id(0)
    now = tl.load(epoch)
    if program < matrix_programs:
        x = _run_matrix_phases(
            program, now, tokens, steps, token_embedding, position_embedding, matrices, offsets, vectors, scales,
            eps, mailbox, streams, first_position, last_position, first_item, last_item, A, K, COUNT, CHUNK, EACH_D,
            EACH_FC, QKV, OUT, FC, PROJ, MOST, STAGES, WAIT, WAIT_4, HALF, PTX,
        )  # fmt: skip
        if HEAD:
            _run_head_phase(
                x, program, now + layers, mailbox, head_weight, head_bias, first_gain, first_shift, gain, shift,
                first_eps, head_eps, logits, vocabulary, A, K, COUNT, CHUNK, EACH_V, NORMS, HEAD_STAGES, WAIT, HALF,
            )  # fmt: skip
            if program == matrix_programs - 1:
                # All programs have read it: each has sent something since.
                tl.store(epoch, now + layers + 1)
    else:
        length = tl.load(lengths)
        for layer in range(first_layer, last_layer):
            if WAIT is not None:
                _prefetch_vectors(vectors, tl.minimum(layer + 1, layers - 1), program - matrix_programs, K, CHUNK)
            pages = layer_stride.to(tl.int64) * layer
            for head in range(program - matrix_programs, HEADS, tl.num_programs(0) - matrix_programs):
                _run_attention_phase(
                    head, mailbox, key_pages + pages, value_pages + pages, table, length, columns, scale, now + layer,
                    K, HEADS, WIDTH, PAGE, TOKENS, RESIDENT, WAIT_1, WAIT_2,
                )  # fmt: skip
