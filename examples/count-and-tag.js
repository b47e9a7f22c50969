// Number the flows, and tell the server.

let count = 0;

export function requestheaders(flow) {
  count += 1;
  flow.request.headers["X-Count"] = String(count);
  flow.comment = "number " + count;
}
