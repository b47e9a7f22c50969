// Package llm puts the answer of a language model together from the stream that
// carries it, while it passes.
//
//	message, time ─Message─► Assembler ─Result─► text, reasoning, tool calls,
//	octets, time  ─Write──►     │                usage, why it stopped, error
//	                            └─ Timing ─────► first token, tokens a second, stalls
//
// It knows OpenAI chat completions (Azure, Mistral and the many that speak it),
// OpenAI Responses and Realtime, Anthropic messages (also inside Bedrock
// streams), Gemini in both its forms, Ollama, Bedrock Converse, Cohere, both
// streams of the AI SDK, and LangGraph's messages. Which it is, the first events
// tell, and the head where they do not. An answer that came as one JSON object is
// read as a stream of one event.
//
// What it keeps is bounded: text, arguments and reasoning to a number of octets,
// tool calls, outputs and citations to a number; Result tells when something was
// left out. It never fails: what it does not know it passes over.
//
// Where messages begin and end is for package message to say. All is pure: times
// are given, nothing is read. An Assembler belongs to one goroutine.
package llm
