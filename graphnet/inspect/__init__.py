"""Looks at a network: its gradients, its times, what the compiler made of it."""
