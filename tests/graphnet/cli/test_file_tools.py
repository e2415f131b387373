"""`graphnet info`, `verify` and `diff`."""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_networks

import graphnet as gn
from graphnet.compiler.builder import Builder
from graphnet.files.difference import measure
from graphnet.runtime.gnet import Contents, Tensor, by_name, dumps, load_gnet, save_gnet
from graphnet.runtime.gnet.graph_writer import encode_graph
from graphnet.runtime.gnet.head import pack_head
from graphnet.runtime.gnet.wire.preamble import Preamble, aligned

Array = np.ndarray[Any, Any]
X = np.random.default_rng(3).random((9, 1, 8, 8), dtype=np.float32)
Y = np.arange(9) % 3


def network(seed: int = 0) -> gn.Network:
    return small_networks.image_network(seed=seed)


@pytest.fixture
def saved(elsewhere: Path) -> Path:
    """A file with samples."""
    network().save("a.gnet", samples=X[:2])
    return elsewhere / "a.gnet"


def changed(path: Path, change: Callable[[Contents], Contents]) -> None:
    """Saves other contents to a file, as an honest writer would."""
    save_gnet(path, change(load_gnet(path)))


def with_tensor(name: str, array: Array) -> Callable[[Contents], Contents]:
    def change(contents: Contents) -> Contents:
        role = contents.tensors[name].role
        return Contents(contents.graph, dict(contents.tensors) | {name: Tensor(name, role, array)}, contents.train,
                        contents.meta)
    return change


# info ----------------------------------------------------------------------------------------------------------

def test_info_shows_the_header(saved: Path, run: Callable[..., Any]) -> None:
    result = run("info", "a.gnet")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert re.fullmatch(rf"a\.gnet: format 1\.0, {saved.stat().st_size:,} bytes, of which [\d,]+ header", lines[0])
    graph = network().graph
    assert lines[1:5] == [
        f"graph 'image': {len(graph.nodes)} nodes, 6 parameters, 0 states",
        "  input image: float32 (N, 1, 8, 8)", "  output logits: float32 (N, 3)", "tensors: 20"]
    assert re.fullmatch(r"  conv/weight +param +float32 +\(4, 1, 3, 3\) +144 bytes at [\d,]+", lines[5])
    assert "  optimizer.class: Adam" in lines
    assert "  step: 0" in lines
    assert "  samples.inputs[0]: image" in lines


def test_info_as_json(saved: Path, run: Callable[..., Any]) -> None:
    found = json.loads(run("info", "a.gnet", "--json").out)
    data = saved.read_bytes()
    assert (found["file"], found["format"], found["opset"], found["bytes"]) == ("a.gnet", "1.0", 1, len(data))
    assert found["header_sha256"] == hashlib.sha256(data[64:64 + found["header_bytes"]]).hexdigest()
    assert found["graph"]["inputs"] == [{"name": "image", "dtype": "float32", "shape": ["N", 1, 8, 8]}]
    weights = network().weights
    for row in found["tensors"][:6]:
        stored = data[row["offset"]:row["offset"] + row["bytes"]]
        assert stored == weights[row["name"]].tobytes()
    assert found["train"]["optimizer"]["class"] == "Adam"


def test_info_of_a_gigabyte_reads_the_header_only(elsewhere: Path, run: Callable[..., Any]) -> None:
    """A sparse file with one tensor of a GB."""
    header = pack_head(encode_graph(Builder("").build([])), [["big", "float32", [1 << 28], "const", 0]], {}, {})
    length = aligned(64 + len(header)) + (1 << 30)
    with open("big.gnet", "wb") as file:
        file.write(Preamble(len(header), length, hashlib.sha256(header).digest()).pack() + header)
        file.truncate(length)
    if os.stat("big.gnet").st_blocks * 512 > 1 << 20:
        pytest.skip("the file system has no sparse files")
    run("info", "big.gnet")  # imports what it needs
    before = bytes_read()
    result = run("info", "big.gnet")
    assert bytes_read() - before < 10_000
    assert result.code == 0
    assert "big  const  float32  (268435456,)  1,073,741,824 bytes at 256" in result.out


def bytes_read() -> int:
    """What this process has read from files so far."""
    try:
        counts = Path("/proc/self/io").read_text()
    except OSError:
        pytest.skip("the system does not count reads")
    return int(counts.split()[1])


def test_texts_of_a_file_play_no_tricks_on_a_terminal(elsewhere: Path, run: Callable[..., Any]) -> None:
    meta = {"note\x1b[2J": "a\x1b[31mb", "long": "x" * 500, "data": b"\x00\xff", "number": float("nan")}
    save_gnet("a.gnet", Contents(Builder("").build([]), {}, {}, meta))
    result = run("info", "a.gnet")
    assert "\x1b" not in result.out
    assert r"note\x1b[2J: a\x1b[31mb" in result.out
    assert re.search(r"long: x{85,90} … \(500 characters\) … x{85,90}\n", result.out)
    found = json.loads(run("info", "a.gnet", "--json").out)
    assert (found["meta"]["data"], found["meta"]["number"]) == ("00ff", "nan")


@pytest.mark.parametrize("command", ["info", "verify"])
def test_what_is_no_file_is_refused(command: str, run: Callable[..., Any], elsewhere: Path) -> None:
    (elsewhere / "text.gnet").write_text("hello")
    for name, text in (("text.gnet", "graphnet: text.gnet: preamble.magic at byte 0: the file starts with 68 65 6c"),
                       ("none.gnet", "graphnet: none.gnet: No such file or directory\n"),
                       (".", "graphnet: .: it is not a regular file but a directory\n")):
        result = run(command, name)
        assert (result.code, result.out) == (2 if name == "none.gnet" else 1, "")
        assert result.err.startswith(text)


# verify --------------------------------------------------------------------------------------------------------

def test_verify_a_sound_file(saved: Path, run: Callable[..., Any]) -> None:
    digest = hashlib.sha256(saved.read_bytes()).hexdigest()
    result = run("verify", "a.gnet")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        f"a.gnet: {saved.stat().st_size:,} bytes, SHA-256 {digest}\n"
        "  sound: preamble, header, graph, 20 tensors, training set-up\n"
        "  2 samples replayed, output logits: largest difference 0: passed\n")
    found = json.loads(run("verify", "a.gnet", "--json", "--sha256", digest).out)
    assert found.pop("replays")["logits"].items() >= {"samples": 2, "largest_difference": 0.0, "passed": True}.items()
    assert found == {"file": "a.gnet", "passed": True, "sha256": digest, "bytes": saved.stat().st_size, "tensors": 20}


@pytest.mark.numpy_backend  # on another one the last bits of a replay differ
def test_verify_on_a_backend(saved: Path, run: Callable[..., Any]) -> None:
    said = run("verify", "a.gnet").out
    assert run("verify", "a.gnet", "--backend", "numpy", "--threads", "1").out == said
    refused = run("verify", "a.gnet", "--backend", "cuda")
    assert refused.code == 2
    assert "argument --backend: invalid choice: 'cuda'" in refused.err


def test_verify_a_file_without_samples(elsewhere: Path, run: Callable[..., Any]) -> None:
    network().save("a.gnet")
    result = run("verify", "a.gnet")
    assert result.code == 0
    assert result.out.splitlines()[2] == "  no samples to replay (net.save(path, samples=x[:2]) stores some)"
    assert json.loads(run("verify", "a.gnet", "--json").out)["replays"] is None


@pytest.mark.parametrize(("off", "code"), [(1e-6, 0), (0.5, 1), (np.nan, 1), (np.inf, 1)])
def test_verify_measures_how_far_the_outputs_are_off(saved: Path, run: Callable[..., Any], off: float,
                                                             code: int) -> None:
    outputs = load_gnet(saved).tensors["output:logits"].array.copy()
    outputs[1, 2] += off
    changed(saved, with_tensor("output:logits", outputs))
    result = run("verify", "a.gnet")
    assert result.code == code
    if code:
        shown = f"{off:.3g}" if np.isfinite(off) else "inf"
        assert f"output logits: largest difference {shown}: FAILED, allowed is 0.0001" in result.out
    found = json.loads(run("verify", "a.gnet", "--json").out)
    assert found["passed"] is not bool(code)
    difference = found["replays"]["logits"]["largest_difference"]
    assert difference == (pytest.approx(off, rel=0.1) if np.isfinite(off) else "inf")


def test_the_tolerance_can_be_chosen(saved: Path, run: Callable[..., Any]) -> None:
    changed(saved, with_tensor("output:logits", load_gnet(saved).tensors["output:logits"].array + np.float32(0.01)))
    assert run("verify", "a.gnet").code == 1
    assert run("verify", "a.gnet", "--tolerance", 0.02).code == 0
    result = run("verify", "a.gnet", "--tolerance", "-1")
    assert result.code == 2
    assert "argument --tolerance: it must be a number ≥ 0, not '-1'" in result.err


def test_verify_notices_weights_that_were_exchanged(saved: Path, run: Callable[..., Any]) -> None:
    changed(saved, with_tensor("logits/bias", np.ones(3, np.float32)))
    result = run("verify", "a.gnet")
    assert result.code == 1
    assert "largest difference 1: FAILED" in result.out


def test_verify_refuses_a_damaged_file(saved: Path, run: Callable[..., Any]) -> None:
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    saved.write_bytes(data)
    result = run("verify", "a.gnet")
    assert (result.code, result.out) == (1, "")
    text = r"graphnet: a\.gnet: tensor\.logits/bias:second_moment at byte \d+: the CRC-32 of its bytes"
    assert re.match(text, result.err)
    result = run("verify", "a.gnet", "--json")
    found = json.loads(result.out)
    assert (result.code, result.err) == (1, "")
    assert found["reason"].startswith("the CRC-32 of its bytes is another one: the file is damaged")
    assert (found["passed"], found["field"]) == (False, "tensor.logits/bias:second_moment")
    assert found["offset"] > 0


@pytest.mark.parametrize(("digest", "code", "text"), [
    ("0" * 64, 1, "a.gnet: the SHA-256 of the file is "),
    ("12", 2, "expect_sha256 is '12', but it must be 64 hexadecimal"),
    ("", 2, "expect_sha256 is '', but it must be 64 hexadecimal")])
def test_verify_holds_a_file_to_a_digest(
        saved: Path, run: Callable[..., Any], digest: str, code: int, text: str) -> None:
    result = run("verify", "a.gnet", "--sha256", digest)
    assert result.code == code
    assert text in result.err


# Samples -------------------------------------------------------------------------------------------------------

def test_samples_stay_with_a_network_and_their_outputs_are_new(saved: Path, run: Callable[..., Any]) -> None:
    net = gn.load(saved)
    net.save("b.gnet")
    assert Path("b.gnet").read_bytes() == saved.read_bytes()
    net.fit(X, Y, batch_size=3)
    net.save("c.gnet")
    stored = load_gnet("c.gnet").tensors
    assert stored["input:image"].array.tobytes() == X[:2].tobytes()
    assert stored["output:logits"].array.tobytes() == net.predict(X[:2]).tobytes()
    assert run("verify", "c.gnet").code == 0


def test_samples_leave_what_stateful_layers_carry(elsewhere: Path, run: Callable[..., Any]) -> None:
    x = gn.Input((None, 3), name="x")
    net = gn.compile(gn.Model(x, gn.layers.GRU(4, stateful=True, name="gru")(x)))
    data = np.random.default_rng(0).random((5, 2, 3), dtype=np.float32)
    net.predict(data)
    before = net.states
    net.save("a.gnet", samples=data[:2])
    assert all(net.states[name].tobytes() == array.tobytes() for name, array in before.items())
    assert run("verify", "a.gnet").code == 0


def test_several_inputs_and_outputs(elsewhere: Path, run: Callable[..., Any]) -> None:
    a, b = gn.Input((3,), name="a"), gn.Input((3,), name="b")
    both = gn.layers.Add()([a, b])
    net = gn.compile(gn.Model((a, b), {"sum": both, "dense": gn.layers.Dense(2)(both)}))
    net.save("a.gnet", samples={"a": np.ones((4, 3), np.float32), "b": np.ones((4, 3), np.float32)})
    assert run("verify", "a.gnet").out.count("4 samples replayed") == 2


def test_samples_that_do_not_fit_are_refused(elsewhere: Path) -> None:
    with pytest.raises(gn.ShapeError, match="input 'image', declared at"):
        network().save("a.gnet", samples=X[0])
    assert not Path("a.gnet").exists()


@pytest.mark.parametrize(("meta", "text"), [
    ({"samples": 1}, "a map, not 1"),
    ({"samples": {"inputs": ["image"], "outputs": ["other"]}}, "it must be logits, as"),
    ({"samples": {"inputs": [], "outputs": ["logits"]}}, "it must be image, as in the graph"),
])
def test_samples_in_a_file_must_fit_the_graph(saved: Path, meta: dict[str, Any], text: str) -> None:
    contents = load_gnet(saved)
    with pytest.raises(gn.GnetFormatError, match=re.escape(text)):
        gn.load(dumps(Contents(contents.graph, contents.tensors, contents.train, meta)))


def test_sample_tensors_must_be_there_and_fit(saved: Path, run: Callable[..., Any]) -> None:
    contents = load_gnet(saved)
    tensors = {name: tensor for name, tensor in contents.tensors.items() if name != "output:logits"}
    with pytest.raises(gn.GnetFormatError, match=r"outputs at byte [0-9]+: the tensor 'output:logits' is missing"):
        gn.load(dumps(Contents(contents.graph, tensors, contents.train, contents.meta)))
    with pytest.raises(gn.GnetFormatError, match=r"inputs at byte [0-9]+: input 'image', declared at"):
        gn.load(dumps(with_tensor("input:image", np.ones((2, 3), np.float32))(contents)))
    changed(saved, with_tensor("output:logits", np.ones((2, 4), np.float32)))
    result = run("verify", "a.gnet")
    assert result.code == 1
    assert "tensor.output:logits: it is (2, 4), but the network makes (2, 3)" in result.err


# diff ----------------------------------------------------------------------------------------------------------

def test_equal_files(saved: Path, run: Callable[..., Any]) -> None:
    result = run("diff", "a.gnet", "a.gnet")
    assert (result.code, result.err) == (0, "")
    assert result.out == "a.gnet and a.gnet: the same graph, tensors and training set-up\n"
    found = json.loads(run("diff", "a.gnet", "a.gnet", "--json").out)
    assert found == {"equal": True, "first": "a.gnet", "second": "a.gnet", "layers": [], "tensors": [], "train": []}


def test_notes_and_source_lines_do_not_count(elsewhere: Path, run: Callable[..., Any]) -> None:
    for name, lines in (("a", 0), ("b", 1)):
        code = "\n" * lines + "x = gn.Input((2,), name='x'); m = gn.Model(x, gn.layers.Dense(3)(x))"
        space: dict[str, Any] = {"gn": gn}
        exec(compile(code, f"{name}.py", "exec"), space)
        gn.compile(space["m"]).save(f"{name}.gnet")
    assert Path("a.gnet").read_bytes() != Path("b.gnet").read_bytes()
    changed(Path("b.gnet"), lambda c: Contents(c.graph, c.tensors, c.train, {"other": "note"}))
    assert run("diff", "a.gnet", "b.gnet").code == 0


@pytest.mark.numpy_backend  # of another backend the set-up says so
def test_weights_and_training_that_differ(saved: Path, run: Callable[..., Any]) -> None:
    net = gn.load(saved)
    net.set_weights({"logits/bias": np.float32([3, 0, -4])})
    net.step = 7
    net.samples = None
    net.save("b.gnet")
    result = run("diff", "a.gnet", "b.gnet")
    assert (result.code, result.err) == (1, "")
    assert result.out == (
        "- a.gnet\n+ b.gnet\ntensors:\n"
        "  logits/bias    ‖a - b‖ 5 (inf of ‖a‖)  max |a - b| 4\n"
        "  input:image    const float32 (2, 1, 8, 8) → -\n"
        "  output:logits  const float32 (2, 3) → -\n"
        "training set-up:\n  step: 0 → 7\n")
    found = json.loads(run("diff", "b.gnet", "a.gnet", "--json").out)
    assert found["tensors"][0] == {"name": "logits/bias", "first": "param float32 (3,)", "second": "param float32 (3,)",
                                   "norm": 5.0, "relative": 1.0, "maximum": 4.0}
    assert found["train"] == [{"path": "step", "first": 7, "second": 0, "in_first": True, "in_second": True}]
    assert found["layers"] == []


def test_graphs_that_differ_by_layer(elsewhere: Path, run: Callable[..., Any]) -> None:
    def save(name: str, units: int, extra: bool, rate: float) -> None:
        x = gn.Input((4,), name="x")
        h = gn.layers.Dense(units, name="hidden", activation="relu")(x)
        h = gn.layers.Dropout(rate, name="drop")(h)
        h = gn.layers.Dense(3, name="extra")(h) if extra else h
        gn.compile(gn.Model(x, gn.layers.Dense(3, name="logits")(h))).save(name)

    save("a.gnet", 5, False, 0.5)
    save("b.gnet", 6, True, 0.25)
    result = run("diff", "a.gnet", "b.gnet")
    assert result.code == 1
    text = result.out
    assert "  hidden\n    - parameter hidden/weight: f32[4,5]\n" in text
    assert "    + parameter hidden/weight: f32[4,6]\n" in text
    assert "  drop\n" in text
    assert "  extra\n    + parameter extra/weight: f32[6,3]\n" in text
    assert "  hidden/weight  param float32 (4, 5) → param float32 (4, 6)\n" in text
    assert "  extra/bias     - → param float32 (3,)\n" in text
    assert "(inputs)" not in text
    layers = {item["layer"]: item for item in json.loads(run("diff", "a.gnet", "b.gnet", "--json").out)["layers"]}
    assert list(layers) == ["hidden", "drop", "logits", "extra"]
    assert layers["extra"]["first"] == []
    assert any("drop" in line for line in layers["drop"]["second"])


@pytest.mark.parametrize(("name", "text"), [
    ("none.gnet", "graphnet: diff: file is 'none.gnet', but it cannot be read: No such file or directory\n"),
    ("text.gnet", "graphnet: diff: file is 'text.gnet', but it cannot be compared: text.gnet: preamble.magic at ")])
def test_files_that_cannot_be_compared_are_neither_equal_nor_different(
        saved: Path, run: Callable[..., Any], elsewhere: Path, name: str, text: str) -> None:
    (elsewhere / "text.gnet").write_text("hello")
    for order in ((name, "a.gnet"), ("a.gnet", name)):
        result = run("diff", *order)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(text)


def test_a_damaged_tensor_cannot_be_compared(saved: Path, run: Callable[..., Any]) -> None:
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    Path("b.gnet").write_bytes(data)
    result = run("diff", "a.gnet", "b.gnet")
    assert result.code == 2
    assert "the CRC-32 of its bytes is another one" in result.err


def test_what_a_difference_is_measured_by() -> None:
    a, b = np.array([3.0, 4.0]), np.array([3.0, 3.0])
    assert measure(a, b) == (1.0, 0.2, 1.0)
    assert np.isnan(measure(a, np.array([np.nan, 4.0]))[2])
    assert measure(np.array([True, False]), np.array([True, True])) == (1.0, 1.0, 1.0)


def test_tensors_of_equal_value_and_other_bits_differ(elsewhere: Path, run: Callable[..., Any]) -> None:
    for name, zero in (("a", 0.0), ("b", -0.0)):
        save_gnet(f"{name}.gnet", Contents(Builder("").build([]), by_name([Tensor("t", "const", np.array([zero]))])))
    assert run("diff", "a.gnet", "b.gnet").code == 1


# What cannot be used ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("arguments", "code"), [(["verify", "bad.gnet"], 1), (["info", "bad.gnet"], 1),
                                                 (["diff", "a.gnet", "bad.gnet"], 2)])
def test_json_of_files_that_are_refused_or_missing(saved: Path, run: Callable[..., Any], arguments: list[str],
                                                    code: int) -> None:
    for content, reason, offset in ((b"hello", "the file starts with 68 65 6c", 0), (None, "No such file", None)):
        if content is None:
            (saved.parent / "bad.gnet").unlink()
        else:
            (saved.parent / "bad.gnet").write_bytes(content)
        result = run(*arguments, "--json")
        found = json.loads(result.out)
        assert (result.code, result.err) == (2 if content is None else code, "")
        assert (found["file"], found["passed"], found["offset"]) == ("bad.gnet", False, offset)
        assert found["reason"].startswith(reason)


def test_samples_without_any_row_are_refused(saved: Path, run: Callable[..., Any]) -> None:
    contents = load_gnet(saved)
    for name in ("input:image", "output:logits"):
        contents = with_tensor(name, contents.tensors[name].array[:0])(contents)
    saved.write_bytes(dumps(contents))
    result = run("verify", "a.gnet")
    assert result.code == 1
    assert re.match(r"graphnet: a\.gnet: meta\.samples at byte \d+: the arrays must hold a sample at least", result.err)


def of(train: dict[str, Any], name: str = "g", **arrays: Any) -> bytes:
    """A file with this training set-up and these tensors."""
    return dumps(Contents(Builder(name).build([]), by_name(
        Tensor(key, "const", np.array(value)) for key, value in arrays.items()), train))


@pytest.mark.parametrize(("first", "second", "text"), [
    ({"a": "-"}, {"b": "-"}, "  a: - → -"), ({"a.b": 1}, {"a": {"b": 1}}, "  a.b: 1 → -"),
    ({"a[0]": 1}, {"a": [1]}, "  a[0]: 1 → -"), ({"a": 1}, {"a": True}, "  a: 1 → true"),
    ({"a": b"\0"}, {"a": "00"}, '  a: "00" → 00'), ({"a": math.nan}, {"a": "nan"}, '  a: "nan" → nan'),
    ({"": 1}, {"": 2}, "  : 1 → 2"), ({"a": 1}, {"a": 1.0}, "  a: 1 → 1.0"), ({"a": {}}, {"a": []}, "  a: {} → []"),
    ({"a": {}}, {}, "  a: {} → -"),
])
def test_diff_tells_fields_apart(first: dict[str, Any], second: dict[str, Any], text: str, elsewhere: Path,
                                 run: Callable[..., Any]) -> None:
    (elsewhere / "a.gnet").write_bytes(of(first))
    (elsewhere / "b.gnet").write_bytes(of(second))
    assert run("diff", "a.gnet", "a.gnet").code == 0
    result = run("diff", "a.gnet", "b.gnet")
    assert result.code == 1
    assert text in result.out.splitlines()
    assert json.loads(run("diff", "a.gnet", "b.gnet", "--json").out)["equal"] is False


def test_diff_tells_names_and_large_numbers_apart(elsewhere: Path, run: Callable[..., Any]) -> None:
    (elsewhere / "a.gnet").write_bytes(of({}, "one", t=np.uint64([2**63]), s=np.int64([-2**63])))
    (elsewhere / "b.gnet").write_bytes(of({}, "two", t=np.uint64([2**63 + 1]), s=np.int64([2**63 - 1])))
    lines = run("diff", "a.gnet", "b.gnet").out.splitlines()
    assert lines[2:6] == ["graph:", "  name", "    - one", "    + two"]
    assert lines[7].startswith("  t  ‖a - b‖ 1 (")
    assert lines[7].endswith("max |a - b| 1")
    assert lines[8].endswith("max |a - b| 1.84e+19")
