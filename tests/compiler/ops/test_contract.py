"""The contract that every registered op keeps. A new op is covered by registering it; nothing is listed here."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from op_cases import Case, all_cases, cases_of, one_node_graph, symbolic_forms
from op_contract import (
    check_allocation,
    check_attributes,
    check_cost,
    check_documented,
    check_gradients,
    check_inplace,
    check_inputs_unchanged,
    check_kernel,
    check_symbols,
    check_types,
    fits_inplace,
)

from graphnet.compiler.op import registered_ops
from graphnet.compiler.ops import Conv2d, MatMul, Relu, Scale, SgdUpdate, SimpleRnn, Softmax, Update
from graphnet.compiler.types import TensorType
from graphnet.runtime.kernels import registry

LAYOUTS = ("rows", "batch-last")
FLOATS = ("float32", "float64")


@pytest.mark.parametrize("cls", registered_ops().values(), ids=registered_ops())
def test_is_documented_and_has_examples(cls):
    check_documented(cls)


@pytest.mark.parametrize("cls", [pytest.param(cls, id=name) for name, cls in registered_ops().items()
                                 if cls.differentiable])
def test_an_example_has_dims_that_all_differ(cls):
    """Axes that are taken for one another show there. The recurrent weight of a SimpleRnn is square by nature."""
    square = 3 if cls is SimpleRnn else None
    assert any(all(len(set(t.shape)) == t.rank for position, t in enumerate(case.inputs) if position != square)
               for case in cases_of(cls))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", all_cases())
def test_infer_says_what_forward_makes(case, dtype):
    check_types(case.cast(dtype))


@pytest.mark.parametrize("case", all_cases())
def test_forward_leaves_its_inputs_alone(case):
    check_inputs_unchanged(case)


@pytest.mark.parametrize("case", all_cases(differentiable=True))
def test_pullback_equals_central_differences(case):
    check_gradients(case)


@pytest.mark.parametrize("case", all_cases())
def test_attributes_survive_a_round_trip(case):
    check_attributes(case.op)


@pytest.mark.parametrize("cls", registered_ops().values(), ids=registered_ops())
def test_different_attributes_have_different_text(cls):
    ops = {case.op for case in cases_of(cls)}
    assert len({str(op) for op in ops}) == len(ops)


@pytest.mark.parametrize("case", all_cases())
def test_symbolic_inference_agrees_with_numbers(case):
    check_symbols(case)


@pytest.mark.parametrize("cls", [pytest.param(cls, id=name) for name, cls in registered_ops().items()
                                 if not issubclass(cls, Update)])
def test_an_example_takes_a_symbolic_batch(cls):
    assert any(symbolic_forms(case) for case in cases_of(cls))


@pytest.mark.parametrize("case", [case for case in all_cases() if case.values[0].op.rearranging])
def test_what_rearranges_computes_nothing(case):
    arrays = case.arrays()
    assert all(np.isin(made, np.concatenate([a.ravel() for a in arrays])).all() for made in case.op.forward(*arrays))


@pytest.mark.parametrize("case", all_cases())
def test_cost_is_a_count(case):
    check_cost(case)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("case", all_cases())
def test_kernel_equals_reference(case, dtype, layout, monkeypatch):
    check_kernel(case.cast(dtype), layout, monkeypatch)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("cls", [pytest.param(cls, id=name) for name, cls in registered_ops().items() if cls.inplace])
def test_inplace_equals_out_of_place(cls, dtype, layout):
    cases = [case.cast(dtype) for case in cases_of(cls)]
    for position in {position for case in cases for position in case.op.inplace}:
        fitting = [case for case in cases if position in case.op.inplace and fits_inplace(case, position)]
        assert fitting, f"no example of {cls.__name__} has an output like its input {position}"
        for case in fitting:
            check_inplace(case, position, layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", [case for case in all_cases() if case.values[0].symbolic])
def test_kernel_allocates_nothing_that_grows_with_the_batch(case, layout, monkeypatch):
    if case.op.view or (layout == "rows" and case.op.images):
        return  # a view is an instruction only where it moves elements; images are in rows in unoptimised Programs only
    check_allocation(case.cast("float32"), layout, monkeypatch)


class TestTheContractCanFail:
    """Ops that are wrong on purpose; none has a name of its own, so none is registered."""

    def test_wrong_pullback(self):
        class Wrong(Scale):
            def pullback(self, b, inputs, outputs, grads):
                return (b.add(Scale(self.factor * (1 + 1e-5)), grads[0]),)

        with pytest.raises(AssertionError, match="input 0: gradient is off by"):
            check_gradients(_with_op(Scale, Wrong(-2.5)))

    def test_missing_gradient(self):
        class Wrong(MatMul):
            def pullback(self, b, inputs, outputs, grads):
                return super().pullback(b, inputs, outputs, grads)[0], None

        with pytest.raises(AssertionError, match="input 1: gradient is off by"):
            check_gradients(_with_op(MatMul, Wrong()))

    def test_gradient_of_a_constant_is_not_asked_for(self):
        class Frozen(MatMul):
            constants = (1,)

            def pullback(self, b, inputs, outputs, grads):
                return super().pullback(b, inputs, outputs, grads)[0], None

        check_gradients(_with_op(MatMul, Frozen()))

    def test_wrong_shape(self):
        class Wrong(Relu):
            def infer(self, x):
                return (x.with_shape(reversed(x.shape)),)

        with pytest.raises(AssertionError, match=r"infer says f64\[5,4,3\], forward makes f64\[3,4,5\]"):
            check_types(_with_op(Relu, Wrong()))

    def test_wrong_dtype(self):
        class Wrong(Scale):
            def forward(self, x):
                return (x.astype(np.float64) * self.factor,)

        with pytest.raises(AssertionError, match="forward makes f64"):
            check_types(_with_op(Scale, Wrong(-2.5)).cast("float32"))

    def test_changed_input(self):
        class Wrong(Relu):
            def forward(self, x):
                return (np.maximum(x, 0, out=x),)

        with pytest.raises(AssertionError, match="forward changed input 0"):
            check_inputs_unchanged(_with_op(Relu, Wrong()))

    def test_number_where_the_symbol_belongs(self):
        class Wrong(Relu):
            def infer(self, x):
                return (TensorType(x.dtype, (x.shape[0] if isinstance(x.shape[0], int) else 7, *x.shape[1:])),)

        with pytest.raises(AssertionError, match=r"with N=3 inference says f64\[7,4,5\]"):
            check_symbols(_with_op(Relu, Wrong()))

    def test_fractional_cost(self):
        class Wrong(Relu):
            def flops(self, inputs, outputs):
                return outputs[0].size / 2

        with pytest.raises(AssertionError):
            check_cost(_with_op(Relu, Wrong()))

    def test_attribute_that_is_no_plain_data(self):
        @dataclass(frozen=True)
        class Wrong(Scale):
            factor: complex

        with pytest.raises(TypeError, match="not JSON serializable"):
            check_attributes(Wrong(2j))

    def test_hidden_attribute(self):
        class Wrong(Softmax):
            def __str__(self):
                return f"{self.name} at {id(self):#x}"

        with pytest.raises(AssertionError):
            check_attributes(Wrong())

    def test_missing_formula(self):
        class Wrong(Relu):
            """Makes things nonlinear."""

        class Silent(Relu):
            pass

        with pytest.raises(AssertionError, match="has no formula"):
            check_documented(Wrong)
        with pytest.raises(AssertionError, match="has no docstring"):
            check_documented(Silent)
        with pytest.raises(AssertionError, match="has no docstring but the generated one"):
            check_documented(dataclass(frozen=True)(Silent))

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_wrong_kernel(self, layout, monkeypatch):
        def bind(call):
            (x,), (y,) = call.inputs, call.outputs
            return lambda: np.copyto(y, np.maximum(x, 1e-3))

        monkeypatch.setitem(registry._KERNELS, Relu, (bind, registry.no_workspace))
        with pytest.raises(AssertionError, match="output 0"):
            check_kernel(cases_of(Relu)[0], layout, monkeypatch)

    def test_kernel_that_allocates(self, monkeypatch):
        monkeypatch.setitem(registry._KERNELS, Relu, (registry.bind_reference, registry.no_workspace))
        with pytest.raises(AssertionError, match="the kernel takes"):
            check_allocation(cases_of(Relu)[0], "rows", monkeypatch)

    def test_kernel_that_only_adds(self, monkeypatch):
        def bind(call):
            (x,), (y,) = call.inputs, call.outputs
            return lambda: np.add(y, np.maximum(x, 0), out=y)

        monkeypatch.setitem(registry._KERNELS, Relu, (bind, registry.no_workspace))
        with pytest.raises(AssertionError, match="output 0"):
            check_kernel(cases_of(Relu)[0], "rows", monkeypatch)

    def test_kernel_that_reads_what_it_overwrote(self, monkeypatch):
        def bind(call):
            (x,), (y,) = call.inputs, call.outputs

            def run():
                np.multiply(x, 0.5, out=y)
                np.add(y, x, out=y)
            return run

        monkeypatch.setitem(registry._KERNELS, Relu, (bind, registry.no_workspace))
        with pytest.raises(AssertionError, match="output 0 over input 0"):
            check_inplace(cases_of(Relu)[0], 0, "rows")


class TestTheCases:
    def test_symbols_stand_where_the_batch_does(self):
        case = cases_of(Conv2d)[0]
        (form, size), = symbolic_forms(case)
        assert (str(form.inputs[0]), str(form.inputs[1]), size) == ("f64[N,3,6,7]", "f64[4,3,2,5]", 2)

    def test_an_update_is_placed_like_a_real_one(self):
        graph = one_node_graph(cases_of(SgdUpdate)[0])
        assert [p.name for p in graph.parameters] == ["x2", "x3"]
        assert all(p.next is not None for p in graph.parameters)

    def test_numbers_keep_away_from_the_kink(self):
        (x,) = cases_of(Relu)[0].arrays()
        flat = np.sort(x.ravel())
        assert np.abs(flat).min() >= 1e-3
        assert np.diff(flat).min() >= 1e-3


def _with_op(cls, op) -> Case:
    case = cases_of(cls)[0]
    return replace(case, op=op)
