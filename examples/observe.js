// Only look at bodies: nothing is held for this script.

export const observe = true;

export function response(flow) {
  const body = flow.response.content;
  ctx.log.info(flow.request.pretty_url, body === null ? "passed" : body.length + " bytes");
}
