// Delay some requests. Only the flow that waits waits.

export async function requestheaders(flow) {
  const ms = Number(flow.request.query.get("delay", 0));
  if (ms > 0) await new Promise((ok) => setTimeout(ok, ms));
}
