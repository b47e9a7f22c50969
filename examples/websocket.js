// Hide keys in what is said over WebSocket, drop notes that somebody types, and
// tell how it ended.

export function websocket_start(flow) {
  flow.websocket.inject(true, "midstream listens");
}

export function websocket_message(flow) {
  const message = flow.websocket.messages[-1];
  if (!message.is_text) return;
  if (message.text === "typing") message.drop();
  else message.text = message.text.replace(/sk-\w+/g, "[key]");
}

export function websocket_end(flow) {
  const { message_count, close_code } = flow.websocket;
  flow.comment = `${message_count} messages, ended with ${close_code}`;
}
