"""Modules of proteins that go together: networks, trees, eigenproteins, preservation."""

from proteomr.network.job import NetworkJob, network
from proteomr.network.options import NetworkOptions
from proteomr.network.request import NetworkRequest

__all__ = ["NetworkJob", "NetworkOptions", "NetworkRequest", "network"]
