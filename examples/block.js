// A guard: if it fails, the request fails; it is never passed by.

export const required = true;

export function load(loader) {
  loader.add_option("blocked_hosts", "Sequence[str]", [], "hosts that get a 403");
}

export function requestheaders(flow) {
  if (ctx.options.blocked_hosts.includes(flow.request.pretty_host)) {
    flow.response = Response.make(403, "blocked\n");
  }
}
