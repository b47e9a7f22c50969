// Rewrite responses while they pass.

function shout(chunk) {
  // chunk is a Uint8Array; the last call has an empty one
  return bytes.text(chunk).toUpperCase();
}

export function responseheaders(flow) {
  if ((flow.response.headers.get("content-type") || "").startsWith("text/")) {
    flow.response.stream = stream.decoded(shout);
  }
}
