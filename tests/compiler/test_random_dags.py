"""Random graphs over the whole op set: types, gradients, the optimised Program against the reference interpreter."""

import numpy as np
import pytest
from random_dags import LEFT_OUT, random_dag, usable_cases

from graphnet.compiler.interpreter import interpret
from graphnet.compiler.op import as_type, is_custom, registered_ops
from graphnet.compiler.passes.derive_backward import DeriveBackward
from graphnet.compiler.passes.pipeline import Assembly, PassManager
from graphnet.compiler.planning.lowering import lower
from graphnet.compiler.rewrite import bind_graph, check_graph
from graphnet.runtime.kernels import NumpyTarget
from graphnet.runtime.session import Buffers, Executable

COUNT = 500
STEPS = (1e-6, 1e-7, 1e-8)  # of central differences


@pytest.mark.parametrize("seed", range(COUNT))
def test_graph(seed):
    dag = random_dag(seed)
    check_graph(dag.graph)
    inputs = tuple(i.name for i in dag.graph.inputs if i.name in dag.varied)
    assembly = Assembly(dag.graph, derive=(DeriveBackward(inputs=inputs),))
    plain = PassManager(assembly.pipeline(optimize=False)).run(dag.graph)
    values = interpret(plain, dag.feeds)
    check_types(plain, values, dag.batch)
    expected = {o.name: values[o.value] for o in plain.outputs}
    check_gradients(dag, expected)
    check_program(PassManager(assembly.pipeline()).run(dag.graph), dag, expected)


def test_every_op_with_a_gradient_takes_part_by_every_example():
    used = {case for seed in range(COUNT) for case in random_dag(seed).used}
    assert used == {form for _, form in usable_cases()}
    wanted = {name for name, cls in registered_ops().items() if cls.differentiable and not is_custom(name)}
    assert {case.op.name for case in used} == wanted - LEFT_OUT


def check_types(graph, values, batch):
    """Every value is what inference said."""
    types = bind_graph(graph, {"N": batch}).types
    for node in graph.nodes:
        for value in node.outputs:
            found = as_type(values[value])
            assert found == types[value], f"{node.op} made {found}, not {types[value]}"


def check_gradients(dag, expected):
    """The slope of the loss along a random direction is that of the gradients.

    Where a kink lies nearer than the step of the differences, a smaller step goes past it.
    """
    rng = np.random.default_rng([len(dag.feeds), dag.batch])
    direction = {name: rng.standard_normal(np.shape(dag.feeds[name])) for name in dag.varied}
    terms = [expected[f"gradient:{name}"] * d for name, d in direction.items()]
    found, size = sum(t.sum() for t in terms), sum(np.abs(t).sum() for t in terms)
    rounding = 1e-14 * abs(expected["loss"])
    assert any(abs(found - difference(dag, direction, step)) <= 1e-6 * size + rounding / step for step in STEPS)


def difference(dag, direction, step):
    """The central difference of the loss."""
    loss = dag.graph.output("loss")
    moved = ({name: dag.feeds[name] + sign * step * d for name, d in direction.items()} for sign in (1, -1))
    up, down = (interpret(dag.graph, dag.feeds | feeds) for feeds in moved)
    return (up[loss] - down[loss]) / (2 * step)


def check_program(graph, dag, expected):
    """Loss and gradients of the fused Program, run twice over soiled memory, are the reference's."""
    program = lower(graph, {"N": dag.batch}, NumpyTarget())
    buffers = Buffers()
    run = Executable(program, buffers)
    for _ in range(2):
        buffers["arena"][:] = 0xFF
        for name, slot in {**program.inputs, **program.parameters}.items():
            buffers.view(slot)[...] = dag.feeds[name]
        run.run()
    for name, wanted in expected.items():
        scale = max(np.abs(wanted).max(initial=0), 1)
        np.testing.assert_allclose(run.outputs[name], wanted, rtol=0, atol=1e-10 * scale, err_msg=name)
