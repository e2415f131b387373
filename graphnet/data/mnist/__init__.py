"""MNIST: its files, their download and cache, and the sample that is bundled."""

from graphnet.common import answers as _answers

__all__: list[str] = []
_answers.answer_names(globals())  # Keras has mnist.load_data
