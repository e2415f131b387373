"""The network that users hold: an engine that can be fitted, saved, checked and drawn."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphnet.common.answers import answering
from graphnet.common.checks import check_whole
from graphnet.common.exclusive import exclusive
from graphnet.engine.checkpoints import Checkpoint
from graphnet.engine.engine import Engine
from graphnet.training.callback import Callback
from graphnet.training.fitting import fit
from graphnet.training.history import History
from graphnet.training.progress import Verbose

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from graphnet.inspect.gradient_check import GradientCheck
    from graphnet.runtime.profile_report import Profile


class Network(Engine):
    """What `gn.compile` and `gn.load` return; see `Engine` for its attributes.

    Keras / PyTorch: `Model` / `nn.Module` with its optimizer. Weights have names, and are there before anything runs.

    Example:
        >>> x = gn.Input((2,))
        >>> net = gn.compile(gn.Model(x, gn.layers.Dense(1)(x)), "mse", "adam")
        >>> {name: weight.shape for name, weight in net.weights.items()}
        {'dense/weight': (2, 1), 'dense/bias': (1,)}
        >>> x, y = np.zeros((8, 2)), np.zeros((8, 1))
        >>> net.fit(x, y, batch_size=4, verbose=False).history["loss"]
        [0.0]
    """

    @answering
    def fit(self, x: object, y: object, *, batch_size: int = 32, epochs: int = 1, shuffle: bool | None = None,
            sample_weight: object = None, validation_data: tuple[object, ...] | None = None,
            callbacks: Sequence[Callback] | None = None, verbose: Verbose = None,
            checkpoint: Checkpoint | str | os.PathLike[str] | None = None, resume: bool = False,
            backend_change: bool = False, stop_on_nonfinite: bool = True) -> History:
        """Trains.

        A training that was cut, whatever the moment, goes on from its last checkpoint and ends with the same bits as if
        it had never been cut: `net = gn.load(path)`, then `net.fit(…, checkpoint=path, resume=True)` with the same
        arguments, samples and callbacks.

        An interrupt (Ctrl-C) waits until the step, or what callbacks do, is done, and the checkpoint, if there is to be
        one, is written then; a second one does not wait. The network can be saved, or go on with `fit(…, resume=True)`.

        Keras / PyTorch: `Model.fit` / –, a loop of one's own over a `DataLoader`. There is no `validation_split`, and
        `class_weight` is `class_weights` of a loss.

        Args:
            x: an array (samples, …), or a dict or tuple of them for several inputs.
            y: the labels likewise.
            batch_size: samples a step; the last batch of an epoch may be smaller, unless the network has stateful
                layers: row i of a batch goes on where row i of the batch before it ended.
            epochs: passes over the samples.
            shuffle: whether to draw a new order for each epoch, from the seed and the epoch's number; by default
                unless there are stateful layers, for which order has a meaning.
            sample_weight: as in `evaluate`.
            validation_data: (x, y) or (x, y, sample_weight) to evaluate after each epoch.
            callbacks: called along the way; see `Callback`.
            verbose: "auto" (or None) for a line an epoch on standard output and, where standard error is a terminal, a
                bar there while the epoch goes; 0 for nothing, 1 for bar and lines everywhere, 2 for the lines only.
            checkpoint: a `.gnet` file to save to after each epoch, or a `gn.Checkpoint` to save more often.
            resume: whether to go on with the call of `fit` that was interrupted, or whose checkpoint the network was
                loaded from. Of a call that had trained all its epochs, only the history is made again and
                `on_train_end` called.
            backend_change: whether a resumed training may go on with another backend than the checkpoint's, which gives
                other last bits than if it had not been cut.
            stop_on_nonfinite: whether a step whose loss is NaN or infinite ends the training with an error; without it
                the training goes on, whatever comes of it.

        Returns:
            Loss and metrics of each epoch.

        Raises:
            GraphError: there is nothing to resume.
            ArgumentError: an argument is not allowed, or not what it was at the checkpoint.
            DataError: the samples cannot be used, or are not those of the checkpoint.
            DivergenceError: the loss of a step is not finite. The weights are those at the end of that step, unless a
                callback puts others there (`EarlyStopping(restore_best=True)` the best ones).
            OSError: a checkpoint cannot be written.
        """
        return fit(self, x, y, batch_size, epochs, shuffle, sample_weight, validation_data, callbacks, verbose,
                   checkpoint, resume, backend_change, stop_on_nonfinite)

    @answering
    @exclusive
    def save(self, path: str | os.PathLike[str], *, samples: object = None) -> None:
        """Writes graph, weights and training set-up to a `.gnet` file, atomically.

        Keras / PyTorch: `Model.save` / `torch.save` of `state_dict`s; the file holds the graph, the moments and the
        step as well.

        Args:
            path: the file.
            samples: inputs as `predict` takes them, some few: the file gets them with what the network makes of them,
                so that `graphnet verify` can tell whether it does the same elsewhere. They are remembered; without any
                the last ones are taken, those of the file that the network was loaded from too.

        Raises:
            GnetFormatError: the network holds what no file can.
            ArgumentError: an argument of a loss, metric or optimizer is not plain data, or the path is no regular file.
            ShapeError: the samples do not fit the inputs.
            OSError: the file cannot be written.
        """
        from graphnet.saving.saving import save

        if samples is not None:
            self.samples = samples
        save(self, path)

    @answering
    def profile(self, x: object, y: object = None, steps: int = 20) -> Profile:
        """Times training steps on a batch (or predictions, without labels) layer by layer; print it.

        Weights, states and the optimizer are afterwards what they were.

        Keras / PyTorch: – / `torch.profiler.profile`.

        Args:
            x: the inputs of one batch, as `train_on_batch` takes them.
            y: their labels; None to time predictions.
            steps: how many runs to time, ≥ 1.
        """
        from graphnet.inspect.profile import profile_network

        return profile_network(self, x, y, check_whole("profile", "steps", steps))

    @answering
    def gradcheck(self, x: object, y: object, *, samples: int = 8, tolerance: float = 1e-5,
                  seed: int = 0) -> GradientCheck:
        """Compares symbolic gradients with numerical ones in float64, and the backend's in float32 with them; print it.

        Arguments and errors are those of `graphnet.inspect.gradient_check.check_gradients`.

        Keras / PyTorch: – / `torch.autograd.gradcheck`, which has to be given doubles.
        """
        from graphnet.inspect.gradient_check import check_gradients

        return check_gradients(self, x, y, samples=samples, tolerance=tolerance, seed=seed)

    def plot(self, path: str | os.PathLike[str] | None = None, mode: str | None = None, view: str = "graph",
             batch: int = 1, level: str = "ops", **dims: int) -> Figure:
        """Draws a picture; a notebook shows it.

        Keras / PyTorch: `utils.plot_model` / –.

        Args:
            path: a file to write it to as well; the ending says the format: .png, .svg or .pdf.
            mode: the purpose whose graph is drawn as the compiler made it; None for the graph as declared (in the views
                "memory" and "time": training, or prediction for a network without a loss).
            view: "graph", "memory" (the arena over the instructions) or "time" (bars for each layer, measured on
                random samples).
            batch: the batch size, for "memory" and "time".
            level: "ops", or "layers" for a box a layer with its arguments and parameters, in the graph as declared.
            dims: numbers for other symbols of the graph, by name.

        Returns:
            The matplotlib figure.

        Raises:
            ArgumentError: an argument is not allowed.
        """
        from graphnet.views.plotting import plot

        return plot(self, path, mode, view, level, check_whole("plot", "batch", batch), dims)

    def _repr_svg_(self) -> str | None:
        """What a notebook shows: the layers; text where there are too many."""
        from graphnet.drawing.declared import layers_svg

        return layers_svg(self.graph)
