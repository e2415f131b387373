"""Forks a process again and again while a thread trains; each child says what it finds. A child that hangs is killed.

    python fork_and_train.py CHILDREN [THREADS]

So many children of each of so many threads that fork at the same time.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings

import numpy as np

import graphnet as gn

PATIENCE = 20


def main(children: int, threads: int = 1) -> None:
    warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of what is tried here
    x, y = np.random.default_rng(0).normal(size=(64, 8)), np.zeros((64, 2))
    net, twin = make(), make()
    states = [weights(twin)]
    for _ in range(400):
        twin.train_on_batch(x, y)
        states.append(weights(twin))

    def work() -> None:
        while not done.is_set() and net.step < 390:
            net.train_on_batch(x, y)

    def fork() -> None:
        child = os.fork()
        if not child:
            signal.alarm(PATIENCE)
            step = net.step
            same = np.array_equal(weights(net), states[step])
            net.train_on_batch(x, y)
            net.predict(x)
            os._exit(0 if same and np.array_equal(weights(net), states[step + 1]) else 1)
        sys.stdout.write(f"child {os.waitpid(child, 0)[1]}\n")

    done = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    forking = [threading.Thread(target=lambda: [fork() for _ in range(children)]) for _ in range(threads)]
    for one in forking:
        one.start()
    for one in forking:
        one.join()
    done.set()
    thread.join()


def make() -> gn.Network:
    x = gn.Input((8,))
    h = gn.layers.Dense(256, activation="tanh")(gn.layers.Dense(256, activation="tanh")(x))
    return gn.compile(gn.Model(x, gn.layers.Dense(2)(h)), "mse", "adam")


def weights(net: gn.Network) -> np.ndarray:
    return np.concatenate([weight.ravel() for weight in net.weights.values()])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
