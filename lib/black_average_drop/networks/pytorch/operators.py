"""The operators of PyTorch that a graph of a file may call: arithmetic on its arguments, and nothing else.

An operator that reads files, takes memory that is not its own, draws random numbers or is compiled from elsewhere is
none of these. All names are those of `torch.ops.aten`, without the underscore of the kind that works in place.
"""

import math
import operator

import torch

# The result has the shape of an argument, and each of its elements comes of the elements at its own place.
POINTWISE = frozenset(
    "abs add alias batch_norm celu clamp clamp_max clamp_min clip clone contiguous cos detach detach_copy div dropout "
    "elu erf exp expm1 feature_dropout gelu glu_jvp hardsigmoid hardswish hardtanh leaky_relu lerp lift_fresh_copy log "
    "log1p log_sigmoid logit masked_fill maximum minimum mish mul neg nan_to_num pow prelu reciprocal relu relu6 rrelu "
    "rsqrt rsub selu sigmoid silu sin softplus softsign sqrt square sub tanh tanhshrink threshold to _to_copy "
    "type_as where multiply subtract divide true_divide addcmul addcdiv alpha_dropout copy".split()
)
# The result has the shape of an argument, but its elements mix what lies along the channels, or along all of an image.
MIXING = frozenset(
    "layer_norm native_layer_norm group_norm native_group_norm instance_norm rms_norm softmax _softmax log_softmax "
    "_log_softmax normalize local_response_norm".split()
)
CONVOLUTIONS = frozenset("conv2d convolution conv_transpose2d _convolution".split())
# Rows and columns of the result are those of the argument, of another number.
RESIZING = frozenset(
    "max_pool2d max_pool2d_with_indices avg_pool2d adaptive_avg_pool2d _adaptive_avg_pool2d adaptive_max_pool2d "
    "lp_pool2d upsample_nearest2d upsample_bilinear2d upsample_bicubic2d pad constant_pad_nd reflection_pad2d "
    "replication_pad2d".split()
)
# Each element of the result is an element of an argument.
ARRANGING = frozenset(
    "cat chunk concat concatenate expand expand_as flatten flip gather index index_select movedim narrow "
    "permute pixel_shuffle pixel_unshuffle repeat repeat_interleave reshape roll select slice split split_with_sizes "
    "squeeze stack swapaxes t tile transpose unbind unflatten unfold unsqueeze view view_as reshape_as _unsafe_view "
    "swapdims hstack vstack dstack channel_shuffle im2col numpy_T adjoint mT unsafe_split unsafe_chunk "
    "slice_scatter select_scatter index_put scatter masked_scatter".split()
)
LINEAR = frozenset("linear addmm mm matmul".split())
REDUCING = frozenset(
    "mean sum amax amin max min logsumexp std var var_mean std_mean norm linalg_vector_norm argmax argmin prod any all "
    "cumsum topk sort argsort median".split()
)
ATTENTION = frozenset("scaled_dot_product_attention bmm baddbmm einsum softmax _softmax matmul".split())
_MAKING = frozenset(
    "arange empty empty_like eye full full_like linspace new_empty new_full new_ones new_zeros ones ones_like zeros "
    "zeros_like scalar_tensor tril triu meshgrid broadcast_to broadcast_tensors one_hot fill zero tril_indices "
    "triu_indices".split()
)
_COMPARING = frozenset(
    "eq ge gt le lt ne logical_and logical_not logical_or logical_xor isnan isinf isfinite bitwise_and bitwise_not "
    "bitwise_or ceil floor round trunc sign remainder fmod floor_divide atan2 exp2 log2 log10".split()
)
_OTHER = frozenset(
    "conv1d conv3d conv_transpose1d max_pool1d avg_pool1d adaptive_avg_pool1d adaptive_max_pool1d scaled_dot_product_"
    "attention bmm baddbmm einsum lstm gru cosine_similarity pairwise_distance cdist embedding outer dot mv "
    "chain_matmul linalg_matrix_norm dist bilinear glu grid_sampler grid_sampler_2d affine_grid_generator "
    "_assert_tensor_metadata sym_constrain_range sym_constrain_range_for_size sym_size sym_numel _shape_as_tensor "
    "_native_batch_norm_legit_no_training native_batch_norm cudnn_batch_norm _batch_norm_impl_index "
    "upsample_linear1d fft_fft2 fft_rfft2 fft_irfft2 view_as_real view_as_complex real imag".split()
)
PASSING = frozenset(
    "alias clone contiguous detach detach_copy dropout feature_dropout alpha_dropout lift_fresh_copy to _to_copy "
    "type_as".split()
)
# Affine maps of their first argument, the others of which are numbers of the model.
AFFINE = (
    LINEAR
    | CONVOLUTIONS
    | frozenset(
        "batch_norm mean sum adaptive_avg_pool2d _adaptive_avg_pool2d avg_pool2d adaptive_avg_pool1d avg_pool1d".split()
    )
)
# Only the shape of their argument changes, or the order of its axes.
SHAPING = frozenset(
    "view reshape flatten unflatten squeeze unsqueeze view_as reshape_as _unsafe_view permute transpose t movedim "
    "swapaxes swapdims select slice expand chunk split unbind".split()
)
# Of the tensor that they take they need its type of numbers alone.
OF_NO_NUMBERS = frozenset("new_empty new_full new_ones new_zeros".split())
_KNOWN = POINTWISE | MIXING | CONVOLUTIONS | RESIZING | ARRANGING | LINEAR | REDUCING | _MAKING | _COMPARING | _OTHER
# Arithmetic with sizes.
_OF_SIZES = {
    **{f"_operator.{name}": getattr(operator, name) for name in ("add", "sub", "mul", "floordiv", "mod", "neg", "pow")},
    **{
        f"_operator.{name}": getattr(operator, name) for name in ("truediv", "eq", "ne", "lt", "le", "gt", "ge", "and_")
    },
    **{f"math.{name}": getattr(math, name) for name in ("ceil", "floor", "trunc")},
    "torch.sym_int": int,
    "torch.sym_float": float,
    "torch.sym_max": max,
    "torch.sym_min": min,
    "torch.sym_not": operator.not_,
}
_ATEN = "torch.ops.aten."


def find_operator(target):
    """What a graph calls by the name of its target.

    Args:
        target: such as "torch.ops.aten.conv2d.default".

    Returns:
        The function and its short name, such as "conv2d", with an underscore behind it if it works in place. None for
        anything that is not known here.
    """
    if target in _OF_SIZES:
        return _OF_SIZES[target], target
    name, _, overload = target.removeprefix(_ATEN).partition(".")
    if target.startswith(_ATEN) and name in ("detach", "detach_", "detach_copy"):  # which would stop slopes
        return torch.ops.aten.alias.default, "alias"
    plain = name if name in _KNOWN else name.removesuffix("_")
    if not target.startswith(_ATEN) or plain not in _KNOWN:
        return None
    packet = getattr(torch.ops.aten, name, None)
    if packet is None or overload not in packet.overloads():
        return None
    return getattr(packet, overload), name


def out_of_place(function):
    """The operator that gives a new tensor where this one writes into its first argument; None where there is none."""
    name = function.__name__.partition(".")[0].removesuffix("_")
    packet = getattr(torch.ops.aten, name, None)
    overload = function._overloadname
    return getattr(packet, overload) if name in _KNOWN and packet and overload in packet.overloads() else None


def writes(function):
    """Whether a function writes into one of its arguments."""
    schema = getattr(function, "_schema", None)
    return schema is not None and any(one.alias_info and one.alias_info.is_write for one in schema.arguments)
