"""What `fit` says on terminals of several widths, in a pipe, and nowhere."""

from __future__ import annotations

import io
import math
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interrupting import Interrupts
from terminal import terminal
from tqdm import tqdm

import graphnet as gn
from graphnet.callbacks import EarlyStopping
from graphnet.engine.scores import Scores
from graphnet.training import loop, progress
from graphnet.training.progress import bar_format, check_verbose, fold, format_figures, say

X, Y = np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3), np.arange(8) % 2
FIGURE = r"(?:val )?(?:loss \d+\.\d{4}|accuracy +\d+\.\d\d %)|\d+\.\d+ s"
WIDTHS = pytest.mark.parametrize("columns", [40, 120])


def network(*metrics: Any, loss: str = "softmax_cross_entropy", rate: float = 0.1) -> gn.Network:
    x = gn.Input((3,), name="x")
    model = gn.Model(x, gn.layers.Dense(2, name="y")(x))
    return gn.compile(model, loss, gn.optimizers.SGD(rate), list(metrics or ["accuracy"]))


def lines_of(history: gn.History, first: int = 1, epochs: int | None = None) -> list[str]:
    """The lines of the epochs that a history has."""
    last = epochs or len(history.epochs)
    rows = zip(*history.history.values(), strict=True)
    return [f"epoch {first + at}/{last}  {format_figures(dict(zip(history.history, row, strict=True)))}"
            for at, row in enumerate(rows)]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step draws the bar."""
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    monkeypatch.setattr(loop, "UNHEARD", 0.0)


@pytest.mark.usefixtures("drawn")
class TestOnATerminal:
    def test_a_bar_goes_and_a_line_stays(self) -> None:
        with terminal(120) as screen:
            history = network().fit(X, Y, batch_size=2, epochs=2, validation_data=(X, Y))
        assert screen.rows == lines_of(history)
        assert [bar[:15] for bar in screen.bars] == [
            f"epoch {epoch}/2 {share:3d}%|" for epoch in (1, 2) for share in (0, 25, 50, 75, 100)]

    @WIDTHS
    def test_the_bar_reads_well(self, columns: int) -> None:
        with terminal(columns) as screen:
            network().fit(X, Y, batch_size=2, epochs=2)
        assert screen.wraps == 0
        assert max(map(len, screen.bars)) < columns - 2, "^C has room behind it"
        for bar in screen.bars[1:5]:
            _, blocks, said = bar.split("|")
            figures = re.split(r" {2,}", said.strip())
            assert 4 <= len(blocks) <= 20
            if columns == 40:
                assert re.fullmatch(FIGURE, said.strip()), "as many whole figures as there is room for"
            else:
                assert re.fullmatch(FIGURE, figures[0])
                assert figures[0].startswith("loss ")
                assert figures[1].startswith("accuracy ")
                assert re.fullmatch(r"[1-4]/4", figures[2])
                assert re.fullmatch(r"\d\d:\d\d<\d\d:\d\d", figures[3])

    def test_a_line_that_is_too_long_is_broken_between_figures(self) -> None:
        with terminal(40) as screen:
            history = network().fit(X, Y, batch_size=4, epochs=1, validation_data=(X, Y))
        (line,) = lines_of(history)
        assert len(line) > 40
        assert screen.wraps == 0
        assert len(screen.rows) > 1
        assert all(row.startswith("  ") and re.fullmatch(FIGURE, part) for row in screen.rows[1:]
                   for part in row.strip().split("  "))
        assert "  ".join(row.strip() for row in screen.rows) == line

    @pytest.mark.parametrize("columns", [1, 12, 17])
    def test_a_terminal_without_room_is_not_wrapped_by_the_bar(self, columns: int) -> None:
        with terminal(columns, "stderr") as screen:
            network().fit(X, Y, batch_size=4)
        assert screen.wraps == 0
        assert screen.rows == []

    def test_a_terminal_that_does_not_say_how_wide_it_is(self) -> None:
        with terminal(0, "stderr") as screen:
            screen.columns = 80
            network().fit(X, Y, batch_size=4)
        assert screen.wraps == 0
        assert "accuracy" in screen.bars[1]

    def test_lines_go_to_standard_output_only(self, capsys: pytest.CaptureFixture[str]) -> None:
        with terminal(120, "stderr") as screen:
            history = network().fit(X, Y, epochs=2)
        assert capsys.readouterr().out.splitlines() == lines_of(history)
        assert screen.rows == []
        assert screen.bars

    def test_nobody_asks_for_colours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """There are none, with NO_COLOR or without: the terminal here knows no escape sequence."""
        bars = []
        for value in (None, "1"):
            monkeypatch.delenv("NO_COLOR", raising=False)
            if value:
                monkeypatch.setenv("NO_COLOR", value)
            with terminal(120) as screen:
                network().fit(X, Y, batch_size=2)
            bars.append([bar.split("/4")[0] for bar in screen.bars])
            assert screen.ups == 0
        assert bars[0] == bars[1]

    @pytest.mark.parametrize(("verbose", "bars", "lines"), [
        (0, False, False), (False, False, False), (np.int64(0), False, False), (1, True, True), (True, True, True),
        (np.bool_(True), True, True), (2, False, True), (np.array(2), False, True), (None, True, True),
        ("auto", True, True)])
    def test_verbose(self, verbose: Any, bars: bool, lines: bool) -> None:
        with terminal(120) as screen:
            history = network().fit(X, Y, batch_size=2, verbose=verbose)
        assert bool(screen.bars) is bars
        assert screen.rows == lines_of(history) * lines

    def test_a_resumed_training_goes_on_counting(self) -> None:
        net = network()
        with terminal(120) as screen, pytest.raises(KeyboardInterrupt):
            net.fit(X, Y, batch_size=2, epochs=3, callbacks=[Interrupts(6)])
        assert [row[:9] for row in screen.rows] == ["epoch 1/3"], "the bar is gone"
        assert screen.bars[-1].startswith("epoch 2/3  50%|")
        with terminal(120) as screen:
            history = net.fit(X, Y, batch_size=2, epochs=3, callbacks=[Interrupts(None)], resume=True)
        assert screen.rows == lines_of(history)[1:]
        assert [bar[:15] for bar in screen.bars[:3]] == ["epoch 2/3  50%|", "epoch 2/3  75%|", "epoch 2/3 100%|"]
        assert "accuracy" in screen.bars[0], "of the steps before the interrupt"

    def test_numbers_are_those_of_the_call(self) -> None:
        net = network()
        net.fit(X, Y, epochs=3, verbose=0)
        with terminal(120) as screen:
            assert net.fit(X, Y, epochs=10).epochs[0] == 4
        assert screen.rows[0].startswith("epoch  1/10  loss ")
        assert screen.rows[9].startswith("epoch 10/10  loss ")

    def test_a_divergence_takes_the_bar_away_and_leaves_the_lines(self) -> None:
        with terminal(120) as screen, np.errstate(all="ignore"), pytest.raises(gn.DivergenceError):
            network("mse", loss="mse", rate=1e12).fit(X, X[:, :2], batch_size=4, epochs=9)
        assert all(row.startswith("epoch ") and "|" not in row for row in screen.rows)
        assert screen.bars

    @WIDTHS
    def test_what_the_terminal_shows_of_ctrl_c_goes_with_the_bar(self, columns: int) -> None:
        class Pressed(Interrupts):
            def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
                if step == self.step:
                    print("^C", end="", file=sys.stderr, flush=True)
                super().on_step_end(network, step, logs)

        with terminal(columns) as screen, pytest.raises(KeyboardInterrupt):
            network().fit(X, Y, batch_size=2, callbacks=[Pressed(3)])
        assert any(row.endswith("^C") for row in screen.drawn)
        assert (screen.rows, screen.wraps) == ([], 0)

    def test_a_training_in_a_callback_leaves_its_lines_above_the_bar(self) -> None:
        class Inner(gn.Callback):
            def on_step_end(self, network_: gn.Network, step: int, logs: dict[str, float]) -> None:
                if step == 2:
                    self.history = network().fit(X, Y, batch_size=2, epochs=2)

        inner = Inner()
        with terminal(60) as screen:
            outer = network().fit(X, Y, batch_size=2, callbacks=[inner])
        assert screen.rows == lines_of(inner.history) + lines_of(outer)
        assert screen.wraps == 0
        assert screen.ups, "there were two bars"

    def test_trainings_in_threads_each_have_whole_lines(self) -> None:
        class Waits(gn.Callback):
            def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
                together.wait()

        def train() -> None:
            histories.append(network().fit(X, Y, batch_size=2, epochs=2, callbacks=[Waits()]))

        histories: list[gn.History] = []
        together = threading.Barrier(2, timeout=60)
        with terminal(60) as screen:
            threads = [threading.Thread(target=train) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert sorted(screen.rows) == sorted(line for history in histories for line in lines_of(history))
        assert screen.wraps == 0

    def test_bars_and_lines_wait_for_the_same_lock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also the first bar of a process, whose class would make itself a lock of its own."""
        monkeypatch.delattr(tqdm, "_lock", raising=False)
        with terminal(60):
            bar = progress._Bar("epoch 1/1", 0, 3, dict)
            assert bar._drawn.get_lock() is tqdm.get_lock()
            bar.close()

    def test_a_bar_of_a_loop_around_trainings_stays_below_their_lines(self) -> None:
        with terminal(60) as screen:
            histories = [network().fit(X, Y, batch_size=2) for _ in tqdm(range(2), desc="rates", miniters=1, ncols=50)]
        assert screen.rows[:2] == [line for history in histories for line in lines_of(history)]
        assert [row[:12] for row in screen.rows[2:]] == ["rates: 100%|"]

    def test_no_thread_stays_behind(self) -> None:
        """Python would warn of it whenever the process forks."""
        code = ("import threading, numpy, graphnet as gn; x = gn.Input((1,)); net = gn.compile(gn.Model(x, gn.layers."
                "Dense(1)(x)), 'mse', 'sgd', backend='numpy'); net.fit(numpy.ones((2, 1)), "
                "numpy.ones((2, 1)), verbose=1); "
                "print([thread.name for thread in threading.enumerate()])")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "epoch 1/1" in done.stderr
        assert done.stdout.splitlines()[-1] == "['MainThread']"

    def test_an_error_of_a_callback_takes_the_bar_away(self) -> None:
        class Fails(gn.Callback):
            def on_step_end(self, network: gn.Network, step: int, logs: dict[str, float]) -> None:
                raise OSError("the disk is full")

        with terminal(120) as screen, pytest.raises(OSError, match="the disk is full"):
            network().fit(X, Y, batch_size=2, callbacks=[Fails()])
        assert screen.rows == []

    def test_figures_that_are_not_defined_yet_are_left_out(self) -> None:
        class Late(gn.metrics.Accuracy):
            """One that needs more samples than a step has."""

            def result(self, statistic: Any) -> float:
                if statistic[1] < 5:
                    raise gn.DataError("too few")
                return super().result(statistic)

        with terminal(120) as screen:
            history = network(Late()).fit(X, Y, batch_size=2)
        assert ["late" in bar for bar in screen.bars] == [False, False, False, True, True]
        assert list(history.history) == ["loss", "late", "seconds"]


def test_in_a_pipe_there_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    history = network().fit(X, Y, batch_size=2, epochs=2, validation_data=(X, Y))
    said = capsys.readouterr()
    assert said.out == "".join(f"{line}\n" for line in lines_of(history))
    assert said.err == ""
    assert re.fullmatch(rf"epoch 1/2(  ({FIGURE})){{5}}", said.out.splitlines()[0])


@pytest.mark.parametrize(("verbose", "out", "err"), [(0, False, False), (2, True, False), (1, True, True)])
def test_verbose_in_a_pipe(verbose: int, out: bool, err: bool, capsys: pytest.CaptureFixture[str]) -> None:
    network().fit(X, Y, batch_size=2, verbose=verbose)
    said = capsys.readouterr()
    assert (bool(said.out), bool(said.err)) == (out, err)
    assert "\r" not in said.out


@pytest.mark.parametrize("verbose", [3, -1, 1.0, "1", "AUTO", "", [1], np.array([1]), np.float32(1), math.nan, ()])
def test_other_values_of_verbose(verbose: Any) -> None:
    with pytest.raises(gn.ArgumentError, match=re.escape(
            f'fit: verbose is {verbose!r}, but it must be "auto" (or None), 0 for nothing, 1 for a bar and a line for '
            "each epoch, or 2 for the lines only")):
        network().fit(X, Y, verbose=verbose)


def test_arrays_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    history = network("accuracy", gn.metrics.ConfusionMatrix()).fit(X, Y)
    assert history.history["confusion_matrix"][0].shape == (2, 2)
    assert re.fullmatch(rf"epoch 1/1(  ({FIGURE})){{3}}\n", capsys.readouterr().out)


@pytest.mark.parametrize(("patience", "epochs", "reason"), [
    (3, 9, "stopped after epoch 4: loss has not improved for 3 epochs"),
    (1, 9, "stopped after epoch 2: loss has not improved for 1 epoch"), (3, 4, None)])
def test_why_it_stopped(patience: int, epochs: int, reason: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    stopping = EarlyStopping("loss", patience=patience, min_delta=9.0)
    history = network().fit(X, Y, epochs=epochs, callbacks=[gn.Callback(), stopping])
    assert capsys.readouterr().out.splitlines() == lines_of(history, epochs=epochs) + [reason] * (reason is not None)


def test_a_callback_of_a_user_s_that_stops_is_named_and_verbose_0_says_nothing(
        capsys: pytest.CaptureFixture[str]) -> None:
    class Enough(gn.Callback):
        def on_epoch_end(self, network: gn.Network, epoch: int, logs: dict[str, Any]) -> bool:
            return True

    network().fit(X, Y, epochs=9, callbacks=[Enough()])
    assert capsys.readouterr().out.splitlines()[1:] == ["stopped after epoch 1 by Enough"]
    network().fit(X, Y, epochs=9, callbacks=[Enough()], verbose=0)
    assert capsys.readouterr().out == ""


def test_a_callback_that_prints_epochs_prints_them_alone(capsys: pytest.CaptureFixture[str]) -> None:
    class Prints(gn.Callback):
        prints_epochs = True

        def on_epoch_end(self, network: gn.Network, epoch: int, logs: dict[str, Any]) -> None:
            print(f"epoch {epoch} in words of its own")

    network().fit(X, Y, epochs=2, callbacks=[Prints()])
    assert capsys.readouterr().out == "epoch 1 in words of its own\nepoch 2 in words of its own\n"


def test_figures_are_worked_out_for_the_bar_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, result = [0], Scores.result
    monkeypatch.setattr(Scores, "result", lambda self: (asked.__setitem__(0, asked[0] + 1), result(self))[1])
    monkeypatch.setattr(progress, "INTERVAL", math.inf)
    network().fit(X, Y, batch_size=1)
    assert asked == [1], "at the end of the epoch"
    network().fit(X, Y, batch_size=1, verbose=1)
    assert asked == [1 + 4], "of 8 steps the first and the last were drawn, and before them the empty bar"


def test_names_that_a_stream_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    class Größe(gn.metrics.Accuracy):
        pass

    raw = {name: io.BytesIO() for name in ("stdout", "stderr")}
    for name, bytes_ in raw.items():
        monkeypatch.setattr(sys, name, io.TextIOWrapper(bytes_, encoding="ascii", write_through=True))
    network(Größe()).fit(X, Y, verbose=1)
    assert rb"gr\xf6\xdfe 0." in raw["stdout"].getvalue()
    assert rb"gr\xf6\xdfe 0." in raw["stderr"].getvalue()


@pytest.mark.parametrize(("width", "bar", "tail"), [
    (120, 20, " loss 0.1000  accuracy 50.00 %  5/10  00:01<00:01"),
    (69, 4, " loss 0.1000  accuracy 50.00 %  5/10  00:01<00:01"),
    (68, 16, " loss 0.1000  accuracy 50.00 %  5/10"), (56, 4, " loss 0.1000  accuracy 50.00 %  5/10"),
    (55, 9, " loss 0.1000  accuracy 50.00 %"), (50, 4, " loss 0.1000  accuracy 50.00 %"),
    (49, 20, " loss 0.1000"), (32, 4, " loss 0.1000"), (31, 15, ""), (10, 1, "")])
def test_what_there_is_room_for(width: int, bar: int, tail: str) -> None:
    made = bar_format(width, "epoch 1/2  50%", ["loss 0.1000", "accuracy 50.00 %", "5/10", "00:01<00:01"])
    assert made == f"epoch 1/2  50%|{{bar:{bar}}}|{tail}"
    assert len(made.format(bar=_Blocks())) <= max(width, 17)


class _Blocks:
    def __format__(self, spec: str) -> str:
        return "#" * int(spec)


def test_braces_in_a_name_are_no_fields() -> None:
    assert bar_format(60, "epoch 1/2  50%", ["{n} 1.0000"]).format(bar=_Blocks()).endswith("| {n} 1.0000")


@pytest.mark.parametrize(("figures", "text"), [
    ({"loss": 0.0}, "loss 0.0000"), ({"loss": 0.001}, "loss 0.0010"), ({"loss": 0.0009999}, "loss 9.999e-04"),
    ({"loss": -2.5e-7}, "loss -2.500e-07"), ({"loss": 999999.0}, "loss 999999.0000"), ({"loss": 1e6}, "loss 1.000e+06"),
    ({"loss": math.nan}, "loss nan"), ({"loss": math.inf}, "loss inf"),
    ({"y_top_5_accuracy": 0.5}, "y top 5 accuracy 50.00 %"),
    ({"loss": np.float32(0.5), "matrix": np.ones((2, 2)), "seconds": 0.04}, "loss 0.5000  0.04 s"), ({}, "")])
def test_figures(figures: dict[str, Any], text: str) -> None:
    assert format_figures(figures) == text


@pytest.mark.parametrize(("line", "width", "rows"), [
    ("epoch 1/2  loss 0.1  1.0 s", 26, ["epoch 1/2  loss 0.1  1.0 s"]),
    ("epoch 1/2  loss 0.1  1.0 s", 25, ["epoch 1/2  loss 0.1", "  1.0 s"]),
    ("epoch 1/2  loss 0.1  1.0 s", 12, ["epoch 1/2", "  loss 0.1", "  1.0 s"]),
    ("epoch 1/2  loss 0.1  1.0 s", 3, ["epoch 1/2", "  loss 0.1", "  1.0 s"]),
    ("epoch 1/2  損失 0.1  1.0 s", 26, ["epoch 1/2  損失 0.1  1.0 s"]),
    ("epoch 1/2  損失 0.1  1.0 s", 25, ["epoch 1/2  損失 0.1", "  1.0 s"]),
    ("a sentence without figures", 10, ["a sentence without figures"]), ("x" * 200, None, ["x" * 200])])
def test_lines_are_broken_between_figures(line: str, width: int | None, rows: list[str]) -> None:
    assert fold(line, width).split("\n") == rows


def test_what_could_not_be_seen_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    say("one\x1b[31m\ntwo")
    assert capsys.readouterr().out == "one\\x1b[31m\ntwo\n"


def test_a_stream_that_may_only_be_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    class Window:
        said = ""

        def write(self, text: str) -> None:
            self.said += text

    out, err = Window(), Window()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    history = network().fit(X, Y, verbose=1)
    assert out.said == f"{lines_of(history)[0]}\n"
    assert err.said.startswith("\repoch 1/1   0%|")


def test_a_checkpoint_is_the_same_whatever_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nets = [network(), network()]
    for net, verbose in zip(nets, (0, 1), strict=True):
        net.fit(X, Y, batch_size=2, epochs=2, verbose=verbose)
        net.save(tmp_path / f"{verbose}.gnet")
    assert capsys.readouterr().out
    assert (tmp_path / "0.gnet").read_bytes() == (tmp_path / "1.gnet").read_bytes()


def test_check_verbose() -> None:
    assert [check_verbose(value) for value in (None, "auto", False, True, 0, 1, 2, np.int8(2), np.bool_(False))] == [
        None, None, 0, 1, 0, 1, 2, 2, 0]
