"""Flow files."""
from mitmproxy.io.files import FilteredFlowWriter, FlowReader, FlowWriter, read_flows_from_paths

__all__ = ["FlowWriter", "FlowReader", "FilteredFlowWriter", "read_flows_from_paths"]
