"""Every number that a reader of `.gnet` files holds a file to, in one place. FORMAT.md lists them."""

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

HEADER_BYTES = 16 * MIB
STRING_BYTES = 64 * KIB  # of a text or a byte string
ARRAY_ITEMS = 65_536  # of an array; pairs of a map
CONTAINERS = 524_288  # arrays and maps in a header
VALUES = 2_097_152  # array items, map keys and map values in a header
DEPTH = 16  # of containers within containers
TENSORS = 65_536
NODES = 65_536
RANK = 16
EXTENT = 1 << 48  # of a dim, and of the product of the dims, where a zero counts as one
SYMBOL_BYTES = 255  # of the name of a symbolic dim

MEMORY = 16 * GIB  # for one forward pass at batch size 1, where the caller sets no other limit
