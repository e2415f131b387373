"""What graphs, memory and trainings look like. It knows no networks, so that whatever has a graph can be drawn."""
