// Drop keep-alive comments, and hide keys in what a model streams.

export function sse_event(flow, event) {
  if (event.data === null) {
    if (event.comment !== null) event.drop();
    return;
  }
  if (!event.data.startsWith("{")) return; // data: [DONE]
  const chunk = event.json();
  const delta = chunk.choices?.[0]?.delta;
  const text = delta?.content?.replace(/sk-\w+/g, "[key]");
  if (!text || text === delta.content) return; // as it came, byte for byte
  delta.content = text;
  event.data = JSON.stringify(chunk);
}
