"""What a model file holds of a network, and how that is written."""
