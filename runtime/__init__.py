"""The runtime: kernels, sessions and model files. Executes Programs; knows nothing of layers."""
