"""Attention without cuDNN's plans is torch's attention, and leaves torch's switches as they were."""

import threading

import pytest
import torch
from indextts2_multitalk.runtime import planless_attention
from indextts2_multitalk.runtime.planless_attention import attend_planless
from torch.nn.functional import scaled_dot_product_attention


def test_on_a_cpu_it_is_torchs_own():
    q, k, v = torch.randn(3, 1, 2, 5, 16)
    mask = torch.ones(5, 5, dtype=torch.bool).tril()
    assert torch.equal(attend_planless(q, k, v, is_causal=True), scaled_dot_product_attention(q, k, v, is_causal=True))
    assert torch.equal(
        attend_planless(q, k, v, mask, scale=0.5), scaled_dot_product_attention(q, k, v, mask, scale=0.5)
    )


def test_the_switch_is_as_it_was_after_the_last_has_left(monkeypatch):
    state = [True]
    monkeypatch.setattr(torch.backends.cuda, "cudnn_sdp_enabled", lambda: state[-1])
    monkeypatch.setattr(torch.backends.cuda, "enable_cudnn_sdp", state.append)
    switch = planless_attention._SharedSwitch()
    entered, leave = threading.Event(), threading.Event()

    def stay():
        with switch.enter():
            entered.set()
            leave.wait()

    other = threading.Thread(target=stay)
    with switch.enter():
        other.start()
        entered.wait()
    assert state[-1] is False, "the other thread is inside"
    leave.set()
    other.join()
    assert state == [True, False, True]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_it_agrees_with_float32_at_every_length():
    was_on = torch.backends.cuda.cudnn_sdp_enabled()
    for length in (1, 7, 64, 129):
        q, k, v = torch.randn(3, 2, 4, length, 64, device="cuda").half()
        expected = scaled_dot_product_attention(q.float(), k.float(), v.float(), is_causal=True)
        torch.testing.assert_close(attend_planless(q, k, v, is_causal=True).float(), expected, rtol=2e-2, atol=4e-3)
    assert torch.backends.cuda.cudnn_sdp_enabled() == was_on
