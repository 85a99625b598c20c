"""Mailbox between programs (CTAs) of one launch, without a barrier and without a fence: flag-tagged 64-bit words, as
NCCL's LL protocol has them.

A word is a float32 and the flag of the moment it belongs to, written and read at once. Who waits for a
number reads its word until the flag is the right one, so a single trip through the second-level cache both carries it
and says that it is there. All programs of the launch must run at the same time, so through the interpreter, which runs
them one after the other, nothing is waited for: launches are cut where words would be (step.py).
"""

import triton
import triton.language as tl


@triton.jit
def mailbox_store(mailbox, values, flag, mask, WAITS: tl.constexpr):
    """values: float32. flag: int32 scalar. Where mask."""
    bits = values.to(tl.int32, bitcast=True)
    if WAITS:
        # As the values lie: `tl.store` would have them change hands first.
        tl.inline_asm_elementwise(
            "{ .reg .pred here; .reg .b64 word; setp.ne.b32 here, $4, 0; mov.b64 word, {$2, $3}; "
            "@here st.relaxed.gpu.global.b64 [$1], word; mov.b32 $0, 0; }",
            "=r,l,r,r,r",
            [mailbox.to(tl.int64), bits, flag, mask.to(tl.int32)],
            dtype=tl.int32,
            is_pure=False,
            pack=1,
        )
    else:
        tl.store(mailbox, (flag.to(tl.int64) << 32) | (bits.to(tl.int64) & 0xFFFFFFFF), mask=mask)


@triton.jit
def mailbox_wait(mailbox, flag, COUNT: tl.constexpr, STRIDE: tl.constexpr, WAIT: tl.constexpr):
    """Numbers, as COUNT blocks, of the words at `mailbox` + 0, STRIDE, 2 * STRIDE …, once all have arrived.

    WAIT: `waiting(COUNT, STRIDE, words of a block that a thread has)`, or None where nothing has to be waited for.
    """
    numbers = ()
    if WAIT is None:
        for c in tl.static_range(COUNT):
            numbers += (tl.load(mailbox + c * STRIDE).to(tl.int32).to(tl.float32, bitcast=True),)
    else:
        for _ in tl.static_range(COUNT):
            numbers += (tl.zeros(mailbox.shape, tl.float32),)
        # Once. The compiler repeats what it finds cheap, in every layout that is asked for, but no loop.
        todo = flag
        while todo == flag:
            found = tl.inline_asm_elementwise(
                WAIT[0], WAIT[1], [mailbox.to(tl.int64), flag], dtype=(tl.int32,) * COUNT, is_pure=False, pack=WAIT[2]
            )
            numbers = ()
            for c in tl.static_range(COUNT):
                numbers += (found[c].to(tl.float32, bitcast=True),)
            todo += 1
    return numbers


def mailbox_wait_ptx(count: int, stride: int, pack: int) -> tuple[str, str, int]:
    """A loop in PTX, its constraints and `pack`: read `pack` times `count` words, again while one has another flag."""
    results = count * pack
    places = [f"[${results + e}+{8 * c * stride}]" for c in range(count) for e in range(pack)]
    ptx = [f".reg .pred late; .reg .b32 flag<{results}>; .reg .b64 word<{results}>;", "again:"]
    ptx += [f"ld.relaxed.gpu.global.b64 word{i}, {place};" for i, place in enumerate(places)]
    ptx += [f"mov.b64 {{${i}, flag{i}}}, word{i};" for i in range(results)]
    ptx += [f"setp.ne.b32 late, flag0, ${results + pack};"]
    ptx += [f"setp.ne.or.b32 late, flag{i}, ${results + pack + i % pack}, late;" for i in range(1, results)]
    ptx += ["@late bra again;"]
    constraints = ["=&r"] * results + ["l"] * pack + ["r"] * pack
    return "{ " + " ".join(ptx) + " }", ",".join(constraints), pack
