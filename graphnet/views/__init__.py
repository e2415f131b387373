"""Pictures and pages of what the compiler made. matplotlib and networkx are imported when a picture is drawn."""

from graphnet.views.plotting import plot

__all__ = ["plot"]
