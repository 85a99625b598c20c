"""Names and shapes of every tensor in the released CAMPPlus and BigVGAN files (see `released_names`)."""

from helpers.released_names import Config, Shapes, linear, merged, weight_normed

BLOCKS = (12, 24, 16)
"""Layers in CAMPPlus's three dense blocks."""


def campplus_shapes() -> Shapes:
    """`campplus_cn_common.bin`: a small ResNet head, then dense time-delay blocks; its sizes never change."""
    width, grown, dense = 128, 32, {}
    for number, layers in enumerate(BLOCKS, start=1):
        for layer in range(layers):
            dense[f"xvector.block{number}.tdnnd{layer + 1}"] = _dense_layer(width + layer * grown)
        width += layers * grown
        dense[f"xvector.transit{number}"] = merged(
            ("nonlinear.batchnorm", _batch_norm(width)), ("linear", linear(width // 2, width, 1, bias=False))
        )
        width //= 2
    return merged(
        ("head", _head()),
        ("xvector.tdnn.linear", linear(128, 320, 5, bias=False)),
        ("xvector.tdnn.nonlinear.batchnorm", _batch_norm(128)),
        *dense.items(),
        ("xvector.out_nonlinear.batchnorm", _batch_norm(width)),
        ("xvector.dense.linear", linear(192, 2 * width, 1, bias=False)),
        ("xvector.dense.nonlinear.batchnorm", _batch_norm(192, affine=False)),
    )


def _batch_norm(width: int, affine: bool = True) -> Shapes:
    statistics: Shapes = {"running_mean": (width,), "running_var": (width,), "num_batches_tracked": ()}
    return {"weight": (width,), "bias": (width,), **statistics} if affine else statistics


def _head() -> Shapes:
    def normed(index: int) -> tuple[tuple[str, Shapes], ...]:
        return (f"conv{index}", linear(32, 32, 3, 3, bias=False)), (f"bn{index}", _batch_norm(32))

    plain = merged(*normed(1), *normed(2))
    shortcut = merged(("shortcut.0", linear(32, 32, 1, 1, bias=False)), ("shortcut.1", _batch_norm(32)))
    layers = [(f"layer{n}.{block}", plain | ({} if block else shortcut)) for n in (1, 2) for block in (0, 1)]
    first = {"conv1.weight": (32, 1, 3, 3)}
    return merged(*normed(1), *normed(2), *layers) | first


def _dense_layer(inputs: int) -> Shapes:
    return merged(
        ("nonlinear1.batchnorm", _batch_norm(inputs)),
        ("linear1", linear(128, inputs, 1, bias=False)),
        ("nonlinear2.batchnorm", _batch_norm(128)),
        ("cam_layer.linear_local", linear(32, 128, 3, bias=False)),
        ("cam_layer.linear1", linear(64, 128, 1)),
        ("cam_layer.linear2", linear(32, 64, 1)),
    )


def bigvgan_shapes(vocoder: Config) -> Shapes:
    """`bigvgan_generator.pt`, under its key `generator`; `vocoder` is the dict of `bigvgan/config.json`."""
    width, kernels = vocoder["upsample_initial_channel"], vocoder["resblock_kernel_sizes"]
    parts = [("conv_pre", weight_normed(width, vocoder["num_mels"], 7))]
    for stage, kernel in enumerate(vocoder["upsample_kernel_sizes"]):
        parts.append((f"ups.{stage}.0", weight_normed(width, width // 2, kernel, bias_width=width // 2)))
        width //= 2
        for index, (size, dilations) in enumerate(zip(kernels, vocoder["resblock_dilation_sizes"], strict=True)):
            parts.append((f"resblocks.{stage * len(kernels) + index}", _resblock(width, size, len(dilations))))
    post = weight_normed(1, width, 7, bias=vocoder["use_bias_at_final"])
    return merged(*parts, ("activation_post", _activation(width)), ("conv_post", post))


def _resblock(width: int, kernel: int, layers: int) -> Shapes:
    return merged(
        *((f"convs1.{n}", weight_normed(width, width, kernel)) for n in range(layers)),
        *((f"convs2.{n}", weight_normed(width, width, kernel)) for n in range(layers)),
        *((f"activations.{n}", _activation(width)) for n in range(2 * layers)),
    )


def _activation(width: int) -> Shapes:
    filters: Shapes = {"upsample.filter": (1, 1, 12), "downsample.lowpass.filter": (1, 1, 12)}
    return {"act.alpha": (width,), "act.beta": (width,), **filters}
