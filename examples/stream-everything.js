// Let every body pass as it arrives, unrecorded, whatever else wants it.

export function requestheaders(flow) {
  flow.request.stream = true;
}

export function responseheaders(flow) {
  flow.response.stream = true;
}
