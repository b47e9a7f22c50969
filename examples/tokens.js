// Watch and edit the events of a token stream, line by line, while they pass.

export function responseheaders(flow) {
  if (!flow.response.headers.get("content-type", "").startsWith("text/event-stream")) return;
  let tokens = 0;
  flow.response.stream = stream.lines((line) => {
    if (line.startsWith("data: ")) {
      tokens += 1;
      flow.comment = tokens + " tokens";
    }
    return line.replace("colour", "color");
  });
}
