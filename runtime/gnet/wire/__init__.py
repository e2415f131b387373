"""The bytes of a file: preamble, canonical msgpack, limits and refusals. Knows no graph and no tensor."""
