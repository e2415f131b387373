"""From layers to a model: symbolic tensors, the base of all layers, and the graph between inputs and outputs."""
