"""The algebra of emotion vectors."""

import math

import pytest
import torch
from helpers.seeded import normal
from hypothesis import given
from hypothesis import strategies as st
from indextts2_multitalk.indextts.conditioning.emotion import (
    MAX_USER_SUM,
    USER_FACTORS,
    EmotionTable,
    mix_emotions,
    scale_weights,
    temper_user_weights,
)
from indextts2_multitalk.indextts.errors import CheckpointError, EmotionError
from indextts2_multitalk.indextts.records import EMOTIONS

ROWS = (3, 2, 4, 1, 2, 5, 2, 3)
STYLE, WIDTH = 6, 10

weights = st.lists(st.floats(0, 1.2), min_size=8, max_size=8)


@pytest.fixture
def table():
    module = EmotionTable(ROWS, STYLE, WIDTH)
    styles = torch.from_numpy(normal("styles", (sum(ROWS), STYLE)))
    vectors = torch.from_numpy(normal("vectors", (sum(ROWS), WIDTH)))
    module.load_state_dict({"styles": styles, "vectors": vectors}, strict=True, assign=True)
    return module


@pytest.fixture
def style():
    return torch.from_numpy(normal("style", (STYLE,)))


@pytest.fixture
def base():
    return torch.from_numpy(normal("base", (WIDTH,)))


def test_small_weights_are_only_tempered():
    assert temper_user_weights([0.1] * 8) == pytest.approx([0.1 * factor for factor in USER_FACTORS])


def test_calm_alone_keeps_its_factor():
    assert temper_user_weights([0, 0, 0, 0, 0, 0, 0, 1]) == pytest.approx([0] * 7 + [0.5625])


@given(weights)
def test_a_users_weights_never_exceed_their_cap(vector):
    tempered = temper_user_weights(vector)
    assert sum(tempered) <= MAX_USER_SUM + 1e-9
    plain = [w * f for w, f in zip(vector, USER_FACTORS, strict=True)]
    if sum(plain) > 0:
        ratio = sum(tempered) / sum(plain)
        assert tempered == pytest.approx([ratio * w for w in plain])


@pytest.mark.parametrize(
    "vector", [None, [], [1.0] * 7, [1.0] * 9, [math.nan] + [0.0] * 7, [0.0] * 7 + [-0.1], [math.inf] + [0.0] * 7]
)
def test_a_vector_that_is_none_is_refused(vector):
    with pytest.raises(EmotionError, match="Emotion vector: got"):
        temper_user_weights(vector)


@pytest.mark.parametrize(("alpha", "strength"), [(-1, 0), (0, 0), (0.5, 0.5), (1, 1), (2, 1)])
def test_alpha_scales_weights_between_0_and_1(alpha, strength):
    assert scale_weights((0.4,) * 8, alpha) == pytest.approx([0.4 * strength] * 8)


def test_mixing_goes_from_the_base_through_the_emotion_and_beyond():
    base, emotion = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 0.0])
    assert torch.equal(mix_emotions(base, emotion, 0.0), base)
    assert torch.equal(mix_emotions(base, emotion, 1.0), emotion)
    assert torch.equal(mix_emotions(base, emotion, 0.5), (base + emotion) / 2)
    assert torch.equal(mix_emotions(base, emotion, 2.0), 2 * emotion - base)


def test_no_weight_is_the_base(table, style, base):
    assert torch.allclose(table.blend_emotions((0.0,) * 8, style, base), base)


def test_each_group_answers_with_the_row_of_the_nearest_style(table, style, base):
    first = 0
    for group, rows in enumerate(ROWS):
        styles = table.styles[first : first + rows]
        cosines = [float(torch.cosine_similarity(row, style, dim=0)) for row in styles]
        wanted = table.vectors[first + cosines.index(max(cosines))]
        one = tuple(1.0 if n == group else 0.0 for n in range(8))
        assert torch.allclose(table.blend_emotions(one, style, base), wanted, atol=1e-6)
        first += rows


def test_a_blend_is_the_weighted_sum_and_the_rest_of_the_base(table, style, base):
    ones = [tuple(1.0 if n == group else 0.0 for n in range(8)) for group in range(8)]
    rows = torch.stack([table.blend_emotions(one, style, torch.zeros(WIDTH)) for one in ones])
    parts = (0.1, 0.0, 0.2, 0.05, 0.0, 0.3, 0.0, 0.1)
    wanted = torch.tensor(parts) @ rows + (1 - sum(parts)) * base
    assert torch.allclose(table.blend_emotions(parts, style, base), wanted, atol=1e-6)


def test_a_blend_keeps_the_dtype_of_the_base(table, style, base):
    assert table.blend_emotions((0.1,) * 8, style, base.half()).dtype == torch.float16


@pytest.mark.parametrize("rows", [(1,) * 7, (1,) * 9, (0,) + (1,) * 7])
def test_rows_that_are_not_eight_groups_are_refused(rows):
    with pytest.raises(CheckpointError, match=f"expected {len(EMOTIONS)} counts"):
        EmotionTable(rows, STYLE, WIDTH)
