// Rewrite an upload while it passes, keeping its length.

export function requestheaders(flow) {
  flow.request.stream = {
    keeps_length: true,
    transform: (chunk) => chunk.map((b) => (b === 0x09 ? 0x20 : b)),
  };
}
