"""Mistakes as users make them. Type checkers must find each: a mark that is not needed is an error under --strict.

`.ci/editors` takes the marks off and looks whether mypy and pyright report these lines, and no others.
"""

from __future__ import annotations

import graphnet as gn
from graphnet.layers import Dens  # type: ignore[attr-defined]  # noqa: F401
from graphnet.modles import lenet  # type: ignore[import-not-found]  # noqa: F401


def misspelt_names(image: gn.SymbolicTensor) -> None:
    gn.Modle(image, image)  # type: ignore[attr-defined]
    gn.compil(gn.Model(image, image))  # type: ignore[attr-defined]
    gn.laod("digits.gnet")  # type: ignore[attr-defined]
    gn.layer.Dense(3)  # type: ignore[attr-defined]
    gn.layers.Dens(3)  # type: ignore[attr-defined]
    gn.losses.SoftmaxCrossEntropi()  # type: ignore[attr-defined]
    gn.metrics.Acuracy()  # type: ignore[attr-defined]
    gn.optimizers.Adamm()  # type: ignore[attr-defined]
    gn.callbacks.EarlyStoping()  # type: ignore[attr-defined]
    gn.initializers.HeNorml()  # type: ignore[attr-defined]
    gn.regularizers.L22(0.1)  # type: ignore[attr-defined]
    gn.constraints.MaxNrm(1.0)  # type: ignore[attr-defined]
    gn.schedules.CosineDecai(1e-3, 100)  # type: ignore[attr-defined]
    gn.data.load_mnits()  # type: ignore[attr-defined]
    gn.custom.register_opp  # type: ignore[attr-defined]  # noqa: B018


def misspelt_arguments(image: gn.SymbolicTensor, model: gn.Model) -> None:
    gn.Input((28, 28), dtyp="float32")  # type: ignore[call-arg]
    gn.Model(image, image, nmae="tiny")  # type: ignore[call-arg]
    gn.compile(model, los="mse")  # type: ignore[call-arg]
    gn.compile(model, loss="mse", optimiser="adam")  # type: ignore[call-arg]
    gn.layers.Dense(3, activatoin="relu")  # type: ignore[call-arg]
    gn.layers.Dense(3, kernel_regulariser="l2")  # type: ignore[call-arg]
    gn.layers.Conv2D(8, 3, stirdes=2)  # type: ignore[call-arg]
    gn.layers.LSTM(8, return_sequence=True)  # type: ignore[call-arg]
    gn.layers.BatchNorm(momentun=0.9)  # type: ignore[call-arg]
    gn.layers.Dropout(rat=0.5)  # type: ignore[call-arg]
    gn.losses.Huber(dleta=0.5)  # type: ignore[call-arg]
    gn.metrics.Accuracy(nmae="a")  # type: ignore[call-arg]
    gn.optimizers.Adam(learning_rat=1e-3)  # type: ignore[call-arg]
    gn.optimizers.SGD(1e-3, clip_nrm=1.0)  # type: ignore[call-arg]
    gn.callbacks.EarlyStopping(patiense=3)  # type: ignore[call-arg]
    gn.initializers.HeNormal(sede=1)  # type: ignore[call-arg]
    gn.data.load_mnist(data_dri=".")  # type: ignore[call-arg]


def misspelt_uses(net: gn.Network, history: gn.History, data: list[list[float]]) -> None:
    net.fitt(data, data)  # type: ignore[attr-defined]
    net.evalaute(data, data)  # type: ignore[attr-defined]
    net.wieghts  # type: ignore[attr-defined]  # noqa: B018
    history.epoch_count  # type: ignore[attr-defined]  # noqa: B018
    net.fit(data, data, epoch=3)  # type: ignore[call-arg]
    net.fit(data, data, batchsize=3)  # type: ignore[call-arg]
    net.predict(data, batchsize=3)  # type: ignore[call-arg]
    net.save("digits.gnet", sampels=data)  # type: ignore[call-arg]
    net.rate_facter = 0.5  # type: ignore[attr-defined]


def wrong_types(image: gn.SymbolicTensor, model: gn.Model, net: gn.Network, data: list[list[float]]) -> None:
    gn.Input(28)  # type: ignore[arg-type]
    gn.Model("image", image)  # type: ignore[arg-type]
    gn.layers.Dense("3")  # type: ignore[arg-type]
    gn.layers.Dense(3, activation=3)  # type: ignore[arg-type]
    gn.layers.Conv2D(8, (3, 3, 3))  # type: ignore[arg-type]
    gn.layers.Conv2D(8, 3, padding=1.5)  # type: ignore[arg-type]
    gn.layers.Dense(3)(0.5)  # type: ignore[arg-type]
    gn.compile(model, loss=0)  # type: ignore[arg-type]
    gn.compile(model, loss=gn.optimizers.Adam())  # type: ignore[arg-type]
    gn.optimizers.Adam("fast")  # type: ignore[arg-type]
    net.fit(data, data, epochs="3")  # type: ignore[arg-type]
    net.fit(data, data, callbacks=[print])  # type: ignore[list-item]
    net.rate_factor = "half"  # type: ignore[assignment]
    net.predict(data).argmaxx()  # type: ignore[union-attr]
