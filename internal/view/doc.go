// Package view shows a body to a person: as lines, a window of them at a time.
//
//	octets ─(content coding off, bounded)─► start ─Choose─► "json"
//	                                          └──► view ─► lines ─Window─► Result
//	text ─Edit─► octets                                  from, count
//
// The views are raw, hex, json, xml, css, javascript, form, multipart, query,
// cookies, jwt, image, graphql, protobuf, grpc, msgpack, sse, ndjson and llm;
// "auto" chooses by type and content. Most of them read the body as a stream and
// stop when the window is full, so that the first lines of a body of 1 GiB cost
// as much as those of a small one. All of them work on a body that is cut or
// broken: they show what there is and say what was wrong.
//
// Everything is bounded: how much of the body is read and, in each layer of its
// coding, decoded; the length of a line; the octets of a window. What is left out
// is said. A body whose coding cannot be removed is shown as it was sent.
//
// The lines are UTF-8 and may have control characters: who prints them on a
// terminal makes them safe first.
//
// The package does no I/O but reading the body it was given, and the definitions
// that Compile is to open. Functions may be called at once; a Schema can be shared.
package view
