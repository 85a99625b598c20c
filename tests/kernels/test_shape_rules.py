"""Rules of kernel shapes: whatever the card and the model, what they say can be launched; on an H200 they say what was
measured there."""

import ast
import json
from typing import Any

import pytest

triton = pytest.importorskip("triton")
from helpers.cards import A100, CARDS, H200, RTX_3060, RTX_4090, RTX_5090, TURING  # noqa: E402
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from indextts2_multitalk.accel.kernels import pdl  # noqa: E402
from indextts2_multitalk.accel.kernels.attention import paged_attention as paged  # noqa: E402
from indextts2_multitalk.accel.kernels.linear import gemm_shapes  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.gemm_shapes import GEMM, GemmShape, GemmSize  # noqa: E402
from indextts2_multitalk.accel.kernels.linear.gemv import GEMV, GemvShape, GemvSize, weights_a_lane  # noqa: E402
from indextts2_multitalk.accel.kernels.persistent.step import MEGAKERNEL, MegakernelShape, MegakernelSize  # noqa: E402
from indextts2_multitalk.accel.kernels.sampling.draw import DRAW, DrawSize  # noqa: E402
from indextts2_multitalk.indextts.vocoder.convolution_kernel import CONVOLUTION, WIDTHS, ConvolutionSize  # noqa: E402
from indextts2_multitalk.indextts.vocoder.snake_kernel import SNAKE, SnakeSize  # noqa: E402
from indextts2_multitalk.runtime import shape_tables  # noqa: E402
from indextts2_multitalk.runtime.card import Card, pipeline_buffers  # noqa: E402
from indextts2_multitalk.runtime.kernel_shapes import KernelFamily  # noqa: E402
from indextts2_multitalk.s2mel.attention_kernel import FLOW_ATTENTION, FlowAttentionSize  # noqa: E402
from indextts2_multitalk.s2mel.convolution_kernel import GATED_CONVOLUTION, GatedConvolutionSize  # noqa: E402

WIDTH = st.sampled_from([64, 256, 512, 768, 1024, 1280, 1536])
HALF, BYTES = st.booleans(), st.sampled_from([1, 2, 4])


@st.composite
def gemv_sizes(draw: Any) -> GemvSize:
    width, weight_bytes = draw(WIDTH), draw(BYTES)
    inputs, outputs = draw(
        st.sampled_from([(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)])
    )
    return GemvSize.of_layer(inputs, outputs, draw(st.integers(1, 4)), weight_bytes, weight_bytes < 4 and draw(HALF))


@st.composite
def gemm_sizes(draw: Any) -> GemmSize:
    width, weight_bytes, residual = draw(WIDTH), draw(BYTES), draw(st.booleans())
    residuals, others = [(width, width), (4 * width, width)], [(width, 3 * width), (width, 4 * width)]
    inputs, outputs = draw(st.sampled_from(residuals if residual else others))
    rows = draw(st.sampled_from([16, 32, 64]))
    return GemmSize(inputs, outputs, rows, weight_bytes, max(2, weight_bytes), residual)


SIZES: dict[KernelFamily[Any, Any], st.SearchStrategy[Any]] = {
    GEMV: gemv_sizes(),
    GEMM: gemm_sizes(),
    MEGAKERNEL: st.builds(MegakernelSize, WIDTH, st.just(20), st.sampled_from([32, 64]), st.sampled_from([1, 2])),
    paged.ATTENTION: st.builds(paged.AttentionSize, st.integers(0, 4), st.sampled_from([32, 64, 128])),
    DRAW: st.builds(DrawSize, st.integers(10, 10000)),
    FLOW_ATTENTION: st.builds(FlowAttentionSize, st.sampled_from([32, 64]), HALF),
    GATED_CONVOLUTION: st.builds(GatedConvolutionSize, st.sampled_from([128, 512]), HALF),
    CONVOLUTION: st.builds(ConvolutionSize, st.sampled_from(WIDTHS), HALF),
    SNAKE: st.builds(SnakeSize, HALF),
}
EACH_FAMILY = pytest.mark.parametrize("family", SIZES, ids=lambda family: family.name)


@pytest.fixture(autouse=True, scope="module")
def _every_compiler_can():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pdl, "TRITON_HAS_PDL", True)
        patch.setattr(gemm_shapes, "_has_eager_smem", lambda: True)
        yield


@EACH_FAMILY
@given(st.data())
def test_what_a_rule_says_can_be_launched(family, data):
    card = data.draw(st.sampled_from(CARDS))
    if family is MEGAKERNEL and card.capability[0] != 9:
        return  # it runs on no other
    size = data.draw(SIZES[family])
    shapes = family.list_shapes(size, card)
    assert shapes[0] == family.rule(size, card)
    assert all(family.fits(shape, size, card) for shape in shapes)
    assert len(set(shapes)) == len(shapes) <= 30
    for shape in shapes:
        for name, value in vars(shape).items():
            assert value >= 0 and isinstance(value, (bool, int)), (name, value)
            if name in ("outputs", "block", "warps", "tokens", "lanes", "samples", "channels", "columns", "inner"):
                assert value & (value - 1) == 0, f"{name} {value} is no power of two"


def gemv(card: Card, inputs: int, outputs: int, rows: int = 3) -> GemvShape:
    return GEMV.rule(GemvSize.of_layer(inputs, outputs, rows, 2, rows > 1), card)


def gemm(card: Card, inputs: int, outputs: int, rows: int) -> GemmShape:
    return GEMM.rule(GemmSize(inputs, min(outputs, 4 * inputs), rows, 2, 2, outputs == 1280), card)


QKV, OUT, FC, PROJ = (1280, 3840), (1280, 1280), (1280, 5120), (5120, 1280)


def test_an_h200_gets_what_was_measured_there():
    assert [gemv(H200, *layer) for layer in (QKV, OUT, FC, PROJ)] == [GemvShape(n, 1) for n in (8, 4, 8, 2)]
    assert [gemv(H200, *layer, rows=1) for layer in (QKV, OUT, PROJ)] == [GemvShape(n, 4) for n in (8, 4, 2)]
    assert gemm(H200, *FC, 16) == GemmShape(64, 256, 1, 0, 4)
    assert gemm(H200, *PROJ, 16) == GemmShape(32, 128, 8, 0, 4)
    assert gemm(H200, *FC, 64) == GemmShape(64, 128, 1, 4, 4)
    assert gemm(H200, *PROJ, 64) == GemmShape(64, 128, 5, 4, 4)
    assert MEGAKERNEL.rule(MegakernelSize(1280, 20, 64, 2), H200) == MegakernelShape(132, 107, 16, 4, 64, 9)


@given(gemv_sizes(), st.sampled_from(CARDS))
def test_gemv_keeps_every_multiprocessor_busy_and_its_weights_in_registers(size, card):
    shape = GEMV.rule(size, card)
    assert weights_a_lane(shape, size) <= 320 or shape.outputs == 1
    programs = triton.cdiv(size.outputs, shape.outputs)
    assert programs >= 2 * card.multiprocessors or shape.outputs == 1


def test_the_more_multiprocessors_the_smaller_the_programs():
    assert [gemv(card, *OUT).outputs for card in (RTX_3060, H200, RTX_5090)] == [8, 4, 2]


def test_little_bandwidth_needs_few_loads_under_way():
    """One loop of loads and one of products at least."""
    stages = [gemm(card, *QKV, 16).stages for card in (RTX_3060, RTX_4090, A100)]
    assert stages == [2, 4, 6]
    assert gemm(H200, 1280, 3840, 64).stages == 6


def test_how_crowded_a_card_is_depends_on_its_multiprocessors(monkeypatch):
    monkeypatch.setattr(KernelFamily, "choose", lambda self, size, device: size)
    for card, rows, expected in ((H200, (7, 8, 16, 32, 64), [0, 1, 2, 3, 4]), (RTX_3060, (1, 3, 16), [0, 1, 4])):
        monkeypatch.setattr(paged, "card_of", lambda device, card=card: card)
        assert [paged.choose_attention_config(count, 20, 64, None).crowding for count in rows] == expected


def test_tiles_under_way_lie_in_shared_memory():
    assert [pipeline_buffers(3, card) for card in (TURING, A100, H200, RTX_5090)] == [1, 2, 3, 2]
    assert pipeline_buffers(1, A100) == 1


def test_measured_tables_say_what_their_cards_can_launch():
    """A shape that its family does not list would be passed over."""
    families = {family.name: family for family in SIZES}
    for table in json.loads(shape_tables.SHIPPED.read_text()):
        for card in (card for card in CARDS if card.name in table["gpus"]):
            for name, sizes in table["shapes"].items():
                for words, fields in sizes.items():
                    size = parse_size(words)
                    assert fields in [vars(shape) for shape in families[name].list_shapes(size, card)], (name, words)
                    assert fields != vars(families[name].rule(size, card)), f"{name}, {words}: the rule says so"


def parse_size(words: str) -> Any:
    kind = next(
        kind
        for kind in (GemvSize, GemmSize, DrawSize, GatedConvolutionSize, ConvolutionSize)
        if " ".join(kind._fields) == " ".join(word.partition("=")[0] for word in words.split())
    )
    return kind(*(ast.literal_eval(word.partition("=")[2]) for word in words.split()))
