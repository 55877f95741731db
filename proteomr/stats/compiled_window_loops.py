r"""Sums of stretches of a table, a stretch at its own place for each term, kept in registers.

.. math:: o_u = \sum_i w_i \{ t_{p_i + u + 1} + s_i (t_{p_i + u} - t_{p_i + u + 1}) \}

numba has no arrays in registers: the same loop in its language reads and writes the sums of a
window once for each term, and takes two to three times as long. The loops are therefore written in
LLVM's instructions, on vectors that it cuts to what a processor has. Plain twins are in
`tests/stats/test_window_loops.py`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["LANES", "SINGLE_LANES", "sum_rows", "sum_windows"]

LANES, SINGLE_LANES = 16, 32  # sums of a window; of more, vectors would not stay in 16 registers
_intrinsic: Any = intrinsic
_CONTRACT = ("contract",)  # a product and a sum may be rounded once
_INDEX, _PLACE = ir.IntType(64), ir.IntType(32)  # of numbers in memory, and in a vector


@_intrinsic
def sum_windows(_typing, table, starts, share, w, v, count, out, put):
    """Sums of 16 neighbours by weights w into `out`, and by weights v into `put`.

    Parameters
    ----------
    table : (t,) in double precision.
    starts, share, w, v : p, s and the weights of the terms, of which there are `count`, above zero.
    out, put : 16 numbers or more.
    """
    signature = types.void(table, starts, share, w, v, count, out, put)

    def generate(context, builder, signature, given):
        t, p, s, of_w, of_v, to_out, to_put = _point(
            context, builder, signature, given, (0, 1, 2, 3, 4, 6, 7)
        )

        kind = ir.VectorType(ir.DoubleType(), LANES)

        def term(i):
            left = builder.gep(t, [_load(builder, p, i)])
            right = _read(builder, builder.gep(left, [_number(1)]), kind)
            step = builder.fsub(_read(builder, left, kind), right, flags=_CONTRACT)
            part = _spread(builder, _load(builder, s, i), LANES)
            return builder.fadd(right, builder.fmul(part, step, flags=_CONTRACT), flags=_CONTRACT)

        _sum_terms(builder, term, kind, given[5], ((of_w, to_out), (of_v, to_put)))
        return context.get_dummy_value()

    return signature, generate


@_intrinsic
def sum_rows(_typing, table, starts, w, v, count, out, put):
    """As `sum_windows`, for 32 neighbours in single precision and without shares.

    Parameters
    ----------
    table : (t,) in single precision.
    starts, w, v : p and the weights of the terms, of which there are `count`, above zero.
    out, put : 32 numbers or more.
    """
    signature = types.void(table, starts, w, v, count, out, put)

    def generate(context, builder, signature, given):
        t, p, of_w, of_v, to_out, to_put = _point(
            context, builder, signature, given, (0, 1, 2, 3, 5, 6)
        )

        kind = ir.VectorType(ir.FloatType(), SINGLE_LANES)

        def term(i):
            return _read(builder, builder.gep(t, [_load(builder, p, i)]), kind)

        _sum_terms(builder, term, kind, given[4], ((of_w, to_out), (of_v, to_put)))
        return context.get_dummy_value()

    return signature, generate


def _sum_terms(
    builder: Any, term: Any, kind: ir.VectorType, count: Any, sides: tuple[tuple[Any, Any], ...]
) -> None:
    """Write the loop: for each side, what the terms add up to by its weights, and where to."""
    before = builder.block
    loop, after = (builder.append_basic_block(name) for name in ("sum", "summed"))
    builder.branch(loop)
    builder.position_at_end(loop)
    i = builder.phi(_INDEX)
    sums = [builder.phi(kind) for _ in sides]
    value = term(i)
    following = builder.add(i, _number(1))
    i.add_incoming(_number(0), before)
    i.add_incoming(following, loop)
    grown = []
    for total, (weights, _) in zip(sums, sides, strict=True):
        weight = _spread(builder, _load(builder, weights, i), kind.count)
        product = builder.fmul(weight, value, flags=_CONTRACT)
        grown.append(builder.fadd(total, product, flags=_CONTRACT))
        total.add_incoming(ir.Constant(kind, [0.0] * kind.count), before)
        total.add_incoming(grown[-1], loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
    builder.position_at_end(after)
    for total, (_, place) in zip(grown, sides, strict=True):
        builder.store(total, builder.bitcast(place, kind.as_pointer()), align=_bytes(kind))


def _point(context: Any, builder: Any, signature: Any, given: Any, which: Any) -> list[Any]:
    """Pointers to the first numbers of the arrays among what is given."""
    return [context.make_array(signature.args[k])(context, builder, given[k]).data for k in which]


def _number(value: int) -> ir.Constant:
    return ir.Constant(_INDEX, value)


def _load(builder: Any, pointer: Any, i: Any) -> Any:
    return builder.load(builder.gep(pointer, [i]))


def _bytes(kind: ir.VectorType) -> int:
    """Numbers stand at multiples of their own length, wherever a vector begins."""
    return 8 if isinstance(kind.element, ir.DoubleType) else 4


def _read(builder: Any, pointer: Any, kind: ir.VectorType) -> Any:
    """A vector of the numbers from a pointer on."""
    return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=_bytes(kind))


def _spread(builder: Any, value: Any, lanes: int) -> Any:
    """A vector of one number."""
    nothing = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(_PLACE, 0))
    same = ir.Constant(ir.VectorType(_PLACE, lanes), [0] * lanes)
    return builder.shuffle_vector(first, nothing, same)
