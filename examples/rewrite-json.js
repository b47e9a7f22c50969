// Change a whole body. It is held until it has ended, and then sent.

export function response(flow) {
  const type = flow.response.headers.get("content-type", "");
  if (!type.includes("json")) return;
  const data = flow.response.json();
  data.seen_by = "midstream";
  flow.response.text = JSON.stringify(data);
}
