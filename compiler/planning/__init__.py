"""From a graph to a Program: layouts, places, lifetimes, memory, and which pipeline saves enough of it."""
