// Answer from here; the server is never asked.

export function requestheaders(flow) {
  if (flow.request.path_components[0] === "teapot") {
    flow.response = Response.make(418, "short and stout\n", { "Content-Type": "text/plain" });
  }
}
