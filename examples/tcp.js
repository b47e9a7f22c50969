// Read a raw protocol: hide passwords, and end what asks for too much.

export function tcp_message(flow) {
  const message = flow.messages[-1];
  const said = bytes.text(message.content);
  if (said.startsWith("SHUTDOWN")) flow.kill();
  else if (message.from_client && said.startsWith("AUTH ")) message.content = bytes.from("AUTH ***\r\n");
}

export function tcp_end(flow) {
  flow.comment = "ended by both";
}

export function tcp_error(flow) {
  flow.comment = "broke: " + flow.error.msg;
}
